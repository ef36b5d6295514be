"""Clients and names on the local AWS of the test process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.localaws import CLOCKED, LocalAws, running_localaws


# Its own tests are about what a service does, whoever asks; those of its IAM start others.
@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that does not enforce IAM."""
    with running_localaws(tmp_path_factory.mktemp("localaws")) as server:
        yield server


@pytest.fixture(scope="session")
def clocked_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Another one, whose clock tests move."""
    with running_localaws(tmp_path_factory.mktemp("clocked"), environment=CLOCKED) as server:
        yield server


@pytest.fixture(scope="session")
def unique() -> Callable[[str], str]:
    """Makes names that no other test of this process uses."""
    numbers = itertools.count()
    return lambda stem: f"{stem}{next(numbers)}"


@pytest.fixture
def glue(local_aws: LocalAws) -> Any:
    """A Glue client."""
    return local_aws.client("glue")


@pytest.fixture
def s3(local_aws: LocalAws) -> Any:
    """An S3 client."""
    return local_aws.client("s3")


@pytest.fixture
def athena(local_aws: LocalAws) -> Any:
    """An Athena client."""
    return local_aws.client("athena")


@pytest.fixture
def database(glue: Any, unique: Callable[[str], str]) -> str:
    """A fresh Glue database."""
    name = unique("database_")
    glue.create_database(DatabaseInput={"Name": name})
    return name


@pytest.fixture
def bucket(s3: Any, unique: Callable[[str], str]) -> str:
    """A fresh bucket."""
    name = unique("bucket-")
    s3.create_bucket(Bucket=name)
    return name

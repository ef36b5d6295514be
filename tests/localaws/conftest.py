"""One real local AWS per test process; tests keep apart by the names they use."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.localaws import LocalAws, start_localaws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS, stopped at the end of the session."""
    server = start_localaws(tmp_path_factory.mktemp("localaws"))
    yield server
    server.stop()


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

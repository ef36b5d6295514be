"""Clients and names on the local AWS of the test process."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.localaws import LocalAws


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

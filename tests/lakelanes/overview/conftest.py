"""The tables of DynamoDB that the tests of the engine's tables use, on the local AWS whose clock tests move."""

from tests.lakelanes.tables.conftest import local_aws, make_source, source

__all__ = ["local_aws", "make_source", "source"]

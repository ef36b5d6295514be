"""tests/lakelanes/ledger/test_queries.py once more, on moto's server."""

from tests.lakelanes.ledger.test_queries import *  # noqa: F403

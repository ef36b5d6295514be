"""tests/lakelanes/ledger/test_summaries.py once more, on moto's server."""

from tests.lakelanes.ledger.test_summaries import *  # noqa: F403

"""tests/lakelanes/ledger/test_table.py once more, on moto's server."""

from tests.lakelanes.ledger.test_table import *  # noqa: F403

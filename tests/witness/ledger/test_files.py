"""tests/lakelanes/ledger/test_files.py once more, on moto's server."""

from tests.lakelanes.ledger.test_files import *  # noqa: F403

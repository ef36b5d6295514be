"""tests/lakelanes/ledger/test_notes.py once more, on moto's server."""

from tests.lakelanes.ledger.test_notes import *  # noqa: F403

"""tests/lakelanes/files/test_pending.py once more, on moto's server."""

from tests.lakelanes.files.test_pending import *  # noqa: F403

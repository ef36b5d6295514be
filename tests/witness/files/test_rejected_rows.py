"""tests/lakelanes/files/test_rejected_rows.py once more, on moto's server."""

from tests.lakelanes.files.test_rejected_rows import *  # noqa: F403

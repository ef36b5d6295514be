"""tests/lakelanes/files/test_validation.py once more, on moto's server."""

from tests.lakelanes.files.test_validation import *  # noqa: F403

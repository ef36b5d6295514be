"""tests/lakelanes/files/test_downloads.py once more, on moto's server."""

from tests.lakelanes.files.test_downloads import *  # noqa: F403

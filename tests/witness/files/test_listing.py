"""tests/lakelanes/files/test_listing.py once more, on moto's server."""

from tests.lakelanes.files.test_listing import *  # noqa: F403

"""tests/lakelanes/files/test_preview.py once more, on moto's server."""

from tests.lakelanes.files.test_preview import *  # noqa: F403

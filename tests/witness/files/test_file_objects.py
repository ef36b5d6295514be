"""tests/lakelanes/files/test_file_objects.py once more, on moto's server."""

from tests.lakelanes.files.test_file_objects import *  # noqa: F403

"""tests/lakelanes/files/test_target_keys.py once more, on moto's server."""

from tests.lakelanes.files.test_target_keys import *  # noqa: F403

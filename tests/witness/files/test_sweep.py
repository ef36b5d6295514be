"""tests/lakelanes/files/test_sweep.py once more, on moto's server."""

from tests.lakelanes.files.test_sweep import *  # noqa: F403

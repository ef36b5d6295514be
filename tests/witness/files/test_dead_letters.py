"""tests/lakelanes/files/test_dead_letters.py once more, on moto's server."""

from tests.lakelanes.files.test_dead_letters import *  # noqa: F403

"""tests/lakelanes/files/test_leases.py once more, on moto's server."""

from tests.lakelanes.files.test_leases import *  # noqa: F403

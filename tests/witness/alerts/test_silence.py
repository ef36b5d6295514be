"""tests/lakelanes/alerts/test_silence.py once more, on moto's server."""

from tests.lakelanes.alerts.test_silence import *  # noqa: F403

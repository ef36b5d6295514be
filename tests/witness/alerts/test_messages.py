"""tests/lakelanes/alerts/test_messages.py once more, on moto's server."""

from tests.lakelanes.alerts.test_messages import *  # noqa: F403

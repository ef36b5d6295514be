"""tests/lakelanes/alerts/test_incidents.py once more, on moto's server."""

from tests.lakelanes.alerts.test_incidents import *  # noqa: F403

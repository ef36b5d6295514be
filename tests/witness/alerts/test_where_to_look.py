"""tests/lakelanes/alerts/test_where_to_look.py once more, on moto's server."""

from tests.lakelanes.alerts.test_where_to_look import *  # noqa: F403

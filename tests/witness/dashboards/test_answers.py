"""tests/lakelanes/dashboards/test_answers.py once more, on moto's server."""

from tests.lakelanes.dashboards.test_answers import *  # noqa: F403

"""tests/lakelanes/files/test_attempt_schema_policy.py once more, on moto's server."""

from tests.lakelanes.files.test_attempt_schema_policy import *  # noqa: F403

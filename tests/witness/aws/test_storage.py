"""tests/lakelanes/aws/test_storage.py once more, on moto's server."""

from tests.lakelanes.aws.test_storage import *  # noqa: F403

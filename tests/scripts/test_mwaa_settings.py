"""The variables of an MWAA environment: what goes before what, and that nothing is set that MWAA's users may not."""

from __future__ import annotations

import json

from scripts.cluster import OPTIONS
from scripts.mwaa_settings import SUGGESTED, VISIBILITY_SECONDS, Environment, option_variables
from tests.cluster.conftest import NOTICED_SOON
from tests.end_to_end.conftest import AIRFLOW

QUEUE = "http://127.0.0.1:4566/000000000000/airflow-celery-x"
ENVIRONMENT = Environment(
    "http://127.0.0.1:8080", "postgresql+psycopg2://u:p@h:1/d", QUEUE, "us-east-1", "fernet!", "flask!"
)
# Of airflow.cfg nobody may set on MWAA.
MWAA_ONLY = (
    *("CORE__EXECUTOR", "CORE__AUTH_MANAGER", "CORE__FERNET_KEY", "CORE__EXECUTION_API_SERVER_URL", "OPERATORS__"),
    *("DATABASE__SQL_ALCHEMY_CONN", "API_AUTH__", "API__BASE_URL", "API__SECRET_KEY", "FAB__CONFIG_FILE", "METRICS__"),
    *("CELERY__BROKER_URL", "CELERY__RESULT_BACKEND", "CELERY__CELERY_CONFIG_OPTIONS", "LOGGING__LOGGING_CONFIG_CLASS"),
)


def test_the_options_are_none_that_mwaa_keeps_to_itself() -> None:
    for options in (OPTIONS, AIRFLOW, NOTICED_SOON):
        variables = option_variables(options)
        assert not variables.keys() & ENVIRONMENT.insisted().keys()
        assert [name for name in variables if name.startswith(tuple(f"AIRFLOW__{one}" for one in MWAA_ONLY))] == []


def test_what_is_suggested_is_not_insisted_on() -> None:
    assert not SUGGESTED.keys() & ENVIRONMENT.insisted().keys()
    assert SUGGESTED["AIRFLOW__API__SERVER_TYPE"] == "gunicorn"


def test_celery_asks_the_queue_by_its_address_and_may_not_make_one() -> None:
    insisted = ENVIRONMENT.insisted()
    assert insisted["AIRFLOW__CELERY__BROKER_URL"] == "sqs://127.0.0.1:4566"
    options = json.loads(insisted["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"])["broker_transport_options"]
    assert options["predefined_queues"] == {"airflow-celery-x": {"url": QUEUE}, "default": {"url": QUEUE}}
    assert insisted["AIRFLOW__OPERATORS__DEFAULT_QUEUE"] == "airflow-celery-x"
    assert options["is_secure"] is False
    # A task that takes as long as tasks may is not given to a second worker.
    assert options["visibility_timeout"] == VISIBILITY_SECONDS == 12 * 3600


def test_secrets_are_not_shown() -> None:
    assert [secret for secret in ("fernet!", "flask!", "u:p@") if secret in repr(ENVIRONMENT)] == []


def test_options_become_variables() -> None:
    assert option_variables({"api": {"workers": 2}, "core": {"parallelism": 4}}) == {
        "AIRFLOW__API__WORKERS": "2",
        "AIRFLOW__CORE__PARALLELISM": "4",
    }

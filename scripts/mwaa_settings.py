"""How MWAA configures Airflow 3.3.1: what it sets itself, what it suggests, and what its users may set.

By its public image, https://github.com/aws/amazon-mwaa-docker-images, images/airflow/3.3.1/python/mwaa/config. All of
it are environment variables; a later group here goes before an earlier one (setup_environment.py there):

1. what MWAA suggests, 2. what startup.sh exports, 3. the options of the environment, 4. what MWAA insists on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

HOME = "/usr/local/airflow"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
# As long as a task may take on MWAA: until then no other worker gets the message of one that holds it.
VISIBILITY_SECONDS = 43200
_NO_DEFAULT_CONNECTION = json.dumps({"connections_lookup_pattern": "^(?!aws_default$).*$"})

# What startup.sh and the options of an environment may change.
SUGGESTED = {
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    "AIRFLOW__API__SERVER_TYPE": "gunicorn",
    "AIRFLOW__API__WORKER_REFRESH_BATCH_SIZE": "1",
    "AIRFLOW__API__WORKER_REFRESH_INTERVAL": "43200",
    "AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "True",
    "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES": "proxy,proxies",
    "AIRFLOW__SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION": "False",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "1800.0",
    "AIRFLOW__SECRETS__BACKEND_KWARGS": _NO_DEFAULT_CONNECTION,
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": _NO_DEFAULT_CONNECTION,
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
}


@dataclass(frozen=True)
class Environment:
    """An MWAA environment's addresses and secrets. ``url``: of the API server; ``database``: as SQLAlchemy has it;
    ``queue_url``: the queue of SQS between scheduler and workers."""

    url: str
    database: str = field(repr=False)
    queue_url: str
    region: str
    fernet_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    @property
    def broker(self) -> dict[str, object]:
        """The settings of Celery that Airflow has no options for."""
        queue = {"url": self.queue_url}
        return {
            "broker_transport_options": {
                "predefined_queues": {self.queue_name: queue, "default": queue},
                "is_secure": self.queue_url.startswith("https:"),
                "region": self.region,
                "visibility_timeout": VISIBILITY_SECONDS,
            }
        }

    @property
    def queue_name(self) -> str:
        return self.queue_url.rsplit("/", 1)[1]

    def insisted(self) -> dict[str, str]:
        """What MWAA insists on, but for what leads to CloudWatch and to AWS's own login."""
        return {
            "AIRFLOW_HOME": HOME,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": self.secret_key,
            "AIRFLOW__API_AUTH__JWT_ALGORITHM": "HS256",
            # MWAA's is the text that its secret with the Fernet key has.
            "AIRFLOW__API_AUTH__JWT_SECRET": json.dumps({"FernetKey": self.fernet_key}),
            "AIRFLOW__CELERY__BROKER_URL": "sqs://" + self.queue_url.split("/")[2],
            "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": json.dumps(self.broker),
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self.database}",
            "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
            "AIRFLOW__CORE__AUTH_MANAGER": FAB,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__FERNET_KEY": self.fernet_key,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__MULTI_TEAM": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database,
            "AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME": "86400",
            "AIRFLOW__FAB__CONFIG_FILE": f"{HOME}/config/webserver_config.py",
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            "AIRFLOW__OPERATORS__DEFAULT_QUEUE": self.queue_name,
            "AIRFLOW__SCHEDULER__STANDALONE_DAG_PROCESSOR": "True",
            "AIRFLOW__TRIGGERER__QUEUES_ENABLED": "False",
        }


def option_variables(options: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """The options of an environment, by section, as variables."""
    return {
        f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
        for section, values in options.items()
        for name, value in values.items()
    }

"""The sample lake as the clients find it: loaded, with views, and with a place of their own beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from scripts.sample_orders import Orders
from tests.clients import rights
from tests.support.localaws import LocalAws
from tests.support.sample_lake import Sample, make_views, put_orders, sample_lake

# Over the end of a month, in a leap year.
LAST_DAY = date(2024, 3, 1)
ORDERS = 120


@dataclass(frozen=True)
class ClientLake:
    """A loaded lake, the orders in it, and names: of the resources by what docs/clients.md calls them."""

    aws: LocalAws
    sample: Sample
    orders: list[dict[str, Any]]
    names: dict[str, str]

    def environment(self, client: str, facts: Path) -> dict[str, str]:
        """The variables of a process of the client, as a new user with the client's rights. Writes the facts."""
        policies = {name: rights.policy(name, self.names) for name in rights.OF_CLIENT[client]}
        user = f"{client}-{os.urandom(3).hex()}"
        facts.write_text(json.dumps(self.facts(), default=str))
        return {
            **{name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ},
            **{name: "127.0.0.1,localhost" for name in ("NO_PROXY", "no_proxy")},
            **rights.user_with(self.aws.client("iam"), user, policies),
            "AWS_ENDPOINT_URL": self.aws.endpoint_url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CLIENTS_FACTS": str(facts),
        }

    def facts(self) -> dict[str, Any]:
        """What a suite is told: names, and the rows that were written."""
        return {"names": self.names, "rows": self.sample.rows, "orders": self.orders}


@contextmanager
def client_lake(aws: LocalAws, days: int = 3) -> Generator[ClientLake]:
    """The sample files of some days, orders, all views; and bucket, database and workgroup for what clients write."""
    orders = [*map(Orders(7).order, range(ORDERS))]
    with sample_lake(aws, LAST_DAY, days, with_orders=True) as sample:
        put_orders(sample.lake, orders, "orders_snapshot")
        refused = {name: action for name, action in make_views(sample.lake).items() if action != "created"}
        assert not refused, refused
        resources = sample.lake.config.resources
        stem = resources.analytics_bucket.removesuffix("-analytics")
        names = {
            "lakelanes-analytics": resources.analytics_bucket,
            "analytics_db": resources.glue_database,
            "analytics_workgroup": resources.workgroup_name,
            "lakelanes-models": f"{stem}-models",
            "models_db": f"{stem}_models",
            "models_workgroup": f"{stem}_models_workgroup",
        }
        _make_place(aws, names)
        yield ClientLake(aws, sample, orders, names)


def _make_place(aws: LocalAws, names: dict[str, str]) -> None:
    bucket = names["lakelanes-models"]
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("glue").create_database(DatabaseInput={"Name": names["models_db"]})
    # Not enforced: who writes tables says where they are.
    configuration = {
        "EnforceWorkGroupConfiguration": False,
        "ResultConfiguration": {"OutputLocation": f"s3://{bucket}/athena-results/"},
    }
    aws.client("athena").create_work_group(Name=names["models_workgroup"], Configuration=configuration)

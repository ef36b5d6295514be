"""The price file: what AWS bills for a unit of each thing that the lake uses, of a date and a region.

``include/prices.json`` comes along; another file of the same form takes its place with ``lakelanes cost --prices``. A
GB is 2^30 bytes and a TB 2^40, as AWS bills them; an MB of the least amounts is 10^6 bytes for Athena
(https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html) and taken to be as much
for exports. Prices of tiers are those of the first one, and free tiers are left out: they are the account's, not the
lake's.
"""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lakelanes.config.faults import setting_fault
from lakelanes.config.resource_paths import INCLUDE
from lakelanes.errors import PricesError

PRICES = INCLUDE / "prices.json"
GB, TB, MB = 1 << 30, 1 << 40, 10**6

# Dollars, or whatever ``currency`` is, for as much as the name of the field says.
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Service(_Model):
    """Prices of a service. source: AWS's page that has them."""

    source: Annotated[str, Field(pattern=r"^https://")]


class S3Prices(_Service):
    """put_requests: PUT, COPY, POST and LIST; get_requests: GET, HEAD and all others. DELETE is free."""

    put_requests_per_1000: Amount
    get_requests_per_1000: Amount
    storage_per_gb_month: Amount


class DynamoDBPrices(_Service):
    """On demand. least_mb_per_export: what an incremental export is billed for at least."""

    write_units_per_million: Amount
    read_units_per_million: Amount
    storage_per_gb_month: Amount
    recovery_per_gb_month: Amount
    export_per_gb: Amount
    least_mb_per_export: Amount


class LambdaPrices(_Service):
    """Of the processor that the functions are deployed for."""

    requests_per_million: Amount
    compute_per_gb_second: Amount


class SqsPrices(_Service):
    requests_per_million: Amount


class SnsPrices(_Service):
    publishes_per_million: Amount


class GluePrices(_Service):
    """objects: databases, tables, partitions."""

    objects_per_100000_month: Amount
    requests_per_million: Amount


class AthenaPrices(_Service):
    scanned_per_tb: Amount
    least_mb_per_query: Amount


class QuickSightPrices(_Service):
    spice_per_gb_month: Amount


class CloudWatchPrices(_Service):
    """metric: one of your own, by the hours in which it got a value."""

    metric_per_month: Amount
    alarm_per_month: Amount


class MwaaPrices(_Service):
    """By class of environment."""

    environment_per_hour: Annotated[dict[str, Amount], Field(min_length=1)]
    worker_per_hour: dict[str, Amount]
    database_per_gb_month: Amount


class Prices(_Model):
    """The whole file. date: on which the prices were what the file says."""

    schema_ref: str | None = Field(default=None, alias="$schema")
    date: date
    region: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    note: str = ""
    s3: S3Prices
    dynamodb: DynamoDBPrices
    lambda_: Annotated[LambdaPrices, Field(alias="lambda")]
    sqs: SqsPrices
    sns: SnsPrices
    glue: GluePrices
    athena: AthenaPrices
    quicksight: QuickSightPrices
    cloudwatch: CloudWatchPrices
    mwaa: MwaaPrices


def read_prices(path: str | os.PathLike[str] | None = None) -> Prices:
    """The prices of a file; None: those that come along.

    Raises PricesError, with the path of each price at fault, or the line and column at which the file is no JSON.
    """
    source = Path(path or PRICES)
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PricesError(str(source), [f"cannot be read: {error}"]) from None
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise PricesError(str(source), [f"line {error.lineno}, column {error.colno}: {error.msg}"]) from None
    try:
        return Prices.model_validate_json(text)
    except ValidationError as error:
        faults = [setting_fault(detail, _known(detail["loc"])) for detail in error.errors(include_url=False)]
        raise PricesError(str(source), faults) from None


def _known(location: tuple[int | str, ...]) -> list[str]:
    """The names that may stand where a fault is."""
    model: type[BaseModel] = Prices
    for part in location[:-1]:
        inner = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        if inner is None or not isinstance(inner.annotation, type) or not issubclass(inner.annotation, BaseModel):
            return []
        model = inner.annotation
    return [field.alias or name for name, field in model.model_fields.items()]

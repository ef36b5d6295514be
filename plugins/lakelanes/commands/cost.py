"""``cost``: what a month costs on AWS, by entity and table, by the ledger's counts and a file of prices."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from lakelanes.commands.answers import wrapped
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, UsageError, table
from lakelanes.commands.status import chosen
from lakelanes.concurrently import map_concurrently
from lakelanes.cost import estimate, workload
from lakelanes.cost.estimate import DEFAULT_CLASS, MONTH_DAYS, Cost
from lakelanes.cost.prices import Prices, read_prices
from lakelanes.lake import Lake

MOST_DAYS = 400
_LEFT_OUT = (
    "Not in it: what people ask of Athena and see of the Lake page, data transfer and endpoints, logs, users of "
    "QuickSight, KMS, free tiers, discounts, taxes."
)


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "cost",
        help="say what a month costs on AWS, by entity and table",
        description="Computes what a month of 30 days costs on AWS: from the configuration, from what the ledger says "
        "of the last days, and from a file of prices. It is an estimate, no bill.",
    )
    parser.add_argument("name", nargs="*", help="these entities and tables alone")
    parser.add_argument("--prices", metavar="FILE", help="a price file in the place of include/prices.json")
    parser.add_argument("--days", type=int, default=30, help="of so many days, up to now (default: 30)")
    parser.add_argument(
        "--environment", metavar="CLASS", default=DEFAULT_CLASS, help=f"MWAA's class (default: {DEFAULT_CLASS})"
    )
    return parser


def run(options: argparse.Namespace) -> Report:
    if not 1 <= options.days <= MOST_DAYS:
        raise UsageError(f"--days: found {options.days}, expected 1 to {MOST_DAYS}")
    prices = read_prices(options.prices)
    if options.environment not in prices.mwaa.environment_per_hour:
        known = ", ".join(prices.mwaa.environment_per_hour)
        raise UsageError(f"--environment: the prices have no class {options.environment!r}; they have {known}")
    lake = open_lake()
    entities, tables = chosen(lake, options.name)
    found = costs(lake, prices, entities, tables, options.days)
    if not options.name:
        found.append(estimate.lake_cost(prices, workload.read_lake(lake), options.environment))
    whole = sum(one.total for one in found)
    data = {
        "date": prices.date.isoformat(),
        "region": prices.region,
        "currency": prices.currency,
        "days": options.days,
        "month_days": MONTH_DAYS,
        "costs": [_data(one) for one in found],
        "total": round(whole, 6),
        "left_out": _LEFT_OUT,
    }
    return Report(_text(lake, prices, found, whole, options), data)


def costs(lake: Lake, prices: Prices, entities: Sequence[str], tables: Sequence[str], days: int) -> list[Cost]:
    """Of each of these entities and tables, in this order."""
    config = lake.config
    # How sweeps list depends on all files, those of entities that were not asked for as well.
    every = map_concurrently(
        lambda name: workload.read_entity(lake, config.entities[name], days), list(config.entities)
    )
    loads = dict(zip(config.entities, every, strict=True))
    files = sum(load.kept_files for load in loads.values())
    found = [estimate.entity_cost(prices, name, loads[name], files) for name in entities]
    read = map_concurrently(lambda name: workload.read_table(lake, config.tables[name], days), tables)
    return found + [estimate.table_cost(prices, name, load) for name, load in zip(tables, read, strict=True)]


def money(amount: float) -> str:
    """To the cent; what is less than one is said to be."""
    return "< 0.01" if 0 < amount < 0.005 else f"{amount:,.2f}"


def _text(lake: Lake, prices: Prices, found: Sequence[Cost], whole: float, options: argparse.Namespace) -> str:
    services = [one for one in estimate.SERVICES if any(one in cost.services for cost in found)]
    rows = [
        (
            one.name,
            round(one.files),
            round(one.request_count),
            *(_cell(one.services.get(service)) for service in services),
            money(one.total),
        )
        for one in found
    ]
    sums = [sum(one.services.get(service, 0) for one in found) for service in services]
    total = ("total", round(sum(c.files for c in found)), round(sum(c.request_count for c in found)))
    rows.append((*total, *map(money, sums), money(whole)))
    headings = ("a month", "files", "requests", *services, prices.currency)
    region = lake.config.aws.region
    notes = [
        f"{prices.currency} of {MONTH_DAYS} days that are as the last {options.days}; prices of {prices.region}, "
        f"{prices.date.isoformat()}.",
        *([f"The lake is in {region}, where prices differ: --prices FILE."] if region != prices.region else []),
        *(f"{doubt}." for one in found for doubt in one.doubts),
        *([] if options.name else [f"The lake has an environment {options.environment}, the watch and the sweeps."]),
        _LEFT_OUT,
    ]
    lines = [line for note in notes for line in wrapped("", note)]
    return "\n".join([table(headings, rows, ""), "", *lines])


def _cell(amount: float | None) -> str:
    return "" if amount is None else money(amount)


def _data(cost: Cost) -> dict[str, Any]:
    return {
        "name": cost.name,
        "files": round(cost.files, 3),
        "requests": {name: round(count, 3) for name, count in sorted(cost.requests.items())},
        "usage": {meter: round(amount, 9) for meter, amount in sorted(cost.usage.items())},
        "services": {service: round(amount, 6) for service, amount in cost.services.items()},
        "total": round(cost.total, 6),
        "not_known": list(cost.doubts),
    }

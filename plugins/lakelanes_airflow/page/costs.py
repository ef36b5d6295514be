"""What an entity costs a month: computed in the background, and shown from then on.

Two BatchGetItem and one Query (two of an entity without dates), while somebody looks at the page of the entity.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from lakelanes.config.model import Entity
from lakelanes.cost import workload
from lakelanes.cost.estimate import MONTH_DAYS, entity_cost
from lakelanes.cost.prices import read_prices
from lakelanes.lake import Lake
from lakelanes.ledger import summaries
from lakelanes_airflow.page.labels import plural

DAYS = 30


@dataclass(frozen=True)
class MonthlyCost:
    """A month's cost in words. about: all of it, 'about $1.20'. parts: a service and its amount, the largest first.
    made_of: what it was computed from, as a sentence."""

    about: str
    parts: tuple[tuple[str, str], ...]
    made_of: str


def cost_of(request: Request, lake: Lake, entity: Entity) -> MonthlyCost | None:
    """What was computed last; None until this process has done so. It is computed anew for the next look."""
    seen, key = request.app.state.costs, (lake.config.resources.ledger_table, entity.name)

    def refresh() -> None:
        seen[key] = monthly_cost(lake, entity)

    request.app.state.background.request(f"the cost of {entity.name}", refresh)
    found: MonthlyCost | None = seen.get(key)
    return found


def monthly_cost(lake: Lake, entity: Entity) -> MonthlyCost:
    """By the ledger's counts of the last DAYS days and the prices that come along. Raises PricesError."""
    prices = read_prices()
    files = sum(one.counts.files for one in summaries.totals(lake.ledger, lake.config.entities).values())
    cost = entity_cost(prices, entity.name, workload.read_entity(lake, entity, DAYS), files)
    ordered = sorted(cost.services.items(), key=lambda one: -one[1])
    return MonthlyCost(
        about=told(cost.total, prices.currency),
        parts=tuple((service, amount(dollars, prices.currency)) for service, dollars in ordered),
        made_of=f"A month of {MONTH_DAYS} days that is as the last {DAYS}: {plural(round(cost.files), 'file')}, "
        f"{plural(round(cost.request_count), 'request')}, and what is kept; at AWS's prices of {prices.region}, "
        f"{prices.date.isoformat()}.",
    )


def told(value: float, currency: str) -> str:
    """'about $1.20', or 'less than a cent'."""
    if value < 0.005:
        return "less than a cent" if currency == "USD" else f"less than {currency} 0.01"
    return f"about {amount(value, currency)}"


def amount(value: float, currency: str) -> str:
    """An amount with two digits, and four where they are needed to see it."""
    text = f"{value:,.2f}" if value >= 0.1 or not value else f"{value:.4f}"
    return f"${text}" if currency == "USD" else f"{currency} {text}"

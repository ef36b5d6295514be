"""Sample orders of a web shop as DynamoDB items, and what happens to them afterwards as conditional writes.

    python scripts/sample_orders.py > data/sample_dataset.json

``Orders(seed).item(number)`` is a pure function, so any process can make any order on its own. ``Changes`` is a series
of updates, deletes, re-puts, exchanges and expiries of such orders: the same seed and the same calls give the same
writes. Every write carries the version it expects, so that applying it twice changes nothing.

The orders are as a table becomes over years: nested items, maps, sets of strings, numbers and bytes, whole numbers and
fractions of up to 38 digits, binary, nulls, empty text, lists and maps, attributes that only some orders have, some
that the lake does not declare, and now and then a number that an old client wrote as text. No number is ever a float.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, Inexact
from pathlib import Path
from typing import Any, Literal

from boto3.dynamodb.types import TypeSerializer

DEFAULT_SEED = 20240315
DATASET = Path(__file__).resolve().parent.parent / "data" / "sample_dataset.json"
DATASET_ORDERS = 250

KEY = "order_id"
TTL_ATTRIBUTE = "expires_at"
# Orders are placed in the days before this one.
END = date(2024, 4, 1)
DAYS = 456
# Law wants invoices kept for ten years; then the table forgets them.
RETENTION_DAYS = 3653

# SKU -> name, category, price in cents.
PRODUCTS = {
    "GRO-0007": ("Rohmilch-Bergkäse, 400 g", "Groceries", 1180),
    "GRO-0019": ("Café crème, 1 kg", "Groceries", 1595),
    "GRO-0044": ("抹茶 (Matcha), 80 g", "Groceries", 2490),
    "HOU-0102": ("Bürste „Löwe“", "Household", 890),
    "HOU-0138": ("Desk lamp, 8 W", "Household", 4950),
    "HOU-0171": ('Kettle 1.7 l, "retro"', "Household", 5990),
    "CLO-0203": ("Chaussettes, laine mérinos", "Clothing", 1690),
    "CLO-0240": ("Rain jacket, men's M", "Clothing", 12900),
    "CLO-0266": ("Schal, 100 % Alpaka", "Clothing", 7450),
    "TOY-0305": ("Wooden train ☃", "Toys", 3995),
    "TOY-0311": ("Puzzle, 1000 Teile", "Toys", 1850),
    "BOO-0401": ("戦争と平和", "Books", 3200),
    "BOO-0417": ("ვეფხისტყაოსანი", "Books", 1490),
    "BOO-0459": ("Statistics, 4th ed.", "Books", 8900),
    "ELE-0502": ("Headphones 🎧", "Electronics", 19900),
    "ELE-0533": ("USB-C cable, 2 m", "Electronics", 1290),
    "ELE-0571": ("E-Reader 7″", "Electronics", 24950),
}
# A thing from before categories were recorded.
UNCATEGORISED = "OLD-0001"
GIVEN_NAMES = ("Zoë", "Jürg", "Aïcha", "Søren", "Mária", "O'Neil", "美咲", "Łukasz", "Ana", "Иван", "Noah", "Lea")
FAMILY_NAMES = (
    "Müller",
    "Nguyễn",
    "de Souza",
    "Kowalska",
    "Ødegård",
    "佐藤",
    "Smith-Jones",
    "Γεωργίου",
    "Rossi",
    "Favre",
)
# City -> postal code, country, currency.
CITIES = {
    "Zürich": ("8001", "CH", "CHF"),
    "Genève": ("1204", "CH", "CHF"),
    "Köln": ("50667", "DE", "EUR"),
    "Kraków": ("30-001", "PL", "EUR"),
    "Lyon": ("69002", "FR", "EUR"),
    "Αθήνα": ("105 57", "GR", "EUR"),
    "New York": ("10001", "US", "USD"),
    "Winston-Salem": ("27101", "US", "USD"),
}
# Euros for one, with as many digits as the rate service sends.
RATES = {
    "EUR": Decimal(1),
    "CHF": Decimal("1.027643812450193847"),
    "USD": Decimal("0.924983352481726305"),
}
# Carrier -> share of the parcels, usual hours on the way.
CARRIERS = {"Alpenpost": (45, 30), "Rapid Parcel": (35, 44), "Schneckenkurier": (12, 95), "Abholung": (8, 5)}
CHANNELS = ("web", "web", "web", "app", "app", "marketplace", "phone")
# Status -> of a hundred orders.
STATUSES = {"pending": 5, "paid": 8, "shipped": 10, "delivered": 63, "returned": 5, "cancelled": 9}
NEXT_STATUS = {"pending": "paid", "paid": "shipped", "shipped": "delivered", "delivered": "returned"}
TAGS = ("gift", "express", "b2b", "first-order", "clearance", "größe-prüfen", "返品可", "fragile")
COUPONS = ("SPRING24", "WELCOME", "ÉTÉ", "BLACKWEEK", "NEWSLETTER5")
MESSAGES = (
    'Alles Gute zum "Geburtstag"! 🎂',
    "お誕生日おめでとう",
    "Bon anniversaire,\nles enfants",
    "O'Brien & sons\t(2nd floor)",
    "",
    "مبروك",
)
# What DynamoDB's numbers can be at most: 38 digits, exponents from -130 to 125
# (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html).
SCORES = (
    Decimal("1E-130"),
    Decimal("9.9999999999999999999999999999999999999E+125"),
    Decimal("-0.12345678901234567890123456789012345678"),
    Decimal("99999999999999999999999999999999999999"),
    Decimal("0.5"),
    Decimal(0),
)
EXACT = Context(prec=60, traps=[Inexact])

Item = dict[str, Any]
Kind = Literal["put", "update", "delete", "reput", "exchange", "expire"]


class Orders:
    """The orders of a seed, numbered from 0."""

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        if seed < 0:
            raise ValueError(f"seed is {seed}, expected 0 or more")
        self.seed = seed

    def order_id(self, number: int) -> str:
        return f"{self.seed}-{number:07d}"

    def key(self, number: int) -> Item:
        """The key as DynamoDB takes it."""
        return {KEY: {"S": self.order_id(number)}}

    def item(self, number: int, version: int = 1) -> Item:
        """Order ``number`` as DynamoDB takes it. ``version`` beyond 1: another order that was put under its key."""
        return to_item(self.order(number, version))

    def items(self, start: int, stop: int) -> Iterator[Item]:
        """Orders ``start`` to ``stop`` - 1 as DynamoDB takes them."""
        return (self.item(number) for number in range(start, stop))

    def order(self, number: int, version: int = 1) -> dict[str, Any]:
        """Order ``number`` as Python values: Decimal, str, bytes, bool, None, list, dict, set."""
        rng = self.random("order", number, version)
        # More customers as the shop grows, the early ones ordering most.
        customer = self._customer(rng.randrange(1 + rng.randrange(200 + number // 2)))
        city = customer["city"]
        postal_code, country, currency = CITIES[city]
        # The later of two days: twice as many orders each day at the end as on average.
        day = END - timedelta(days=DAYS) + timedelta(days=max(rng.randrange(DAYS), rng.randrange(DAYS)))
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(milliseconds=rng.randrange(86_400_000))
        status = _weighted(rng, STATUSES)
        lines = [_line(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 6)))]
        subtotal = sum((line["quantity"] * line["unit_price"] for line in lines), Decimal(0))
        adjustments: dict[str, Decimal] = {}
        if rng.random() < 0.6:
            adjustments["shipping"] = _cents(rng.choice((490, 700, 1250)))
        if rng.random() < 0.2:
            adjustments["voucher"] = -min(_cents(rng.randrange(100, 2000)), subtotal)
        total = subtotal + sum(adjustments.values())
        order: dict[str, Any] = {
            KEY: self.order_id(number),
            "version": version,
            "customer_id": customer["id"],
            "customer": {
                "name": customer["name"],
                "email": f"c{customer['id'][1:]}@shop.example",
                "vip": customer["vip"],
            },
            "status": status,
            "channel": rng.choice(CHANNELS),
            "ordered_at": _iso(at),
            "updated_at": _milliseconds(at) + rng.randrange(1_000_000),
            "currency": currency,
            "total": total,
            "exchange_rate": RATES[currency],
            "total_base": EXACT.multiply(total, RATES[currency]),
            "payment_reference": Decimal(rng.randrange(10**26, 10 ** (38 if rng.random() < 0.1 else 27))),
            "items": lines,
            "address": {"street": customer["street"], "postal_code": postal_code, "city": city, "country": country},
            "is_gift": rng.random() < 0.1,
            "loyalty_points": int(total),
        }
        _add_optional(rng, order, adjustments)
        _add_fulfilment(rng, order, at)
        if rng.random() < 0.1:
            order["device_fingerprints"] = {rng.randbytes(12) for _ in range(rng.randrange(1, 3))}
        if rng.random() < 0.3:
            order["expires_at"] = _milliseconds(at + timedelta(days=RETENTION_DAYS)) // 1000
        return {**order, **_undeclared(rng)}

    def random(self, *what: object) -> random.Random:
        """A generator of its own for each thing, so that nothing depends on what else is made."""
        return random.Random("/".join(map(str, (self.seed, *what))))

    def _customer(self, number: int) -> dict[str, Any]:
        rng = self.random("customer", number)
        return {
            "id": f"C{number:06d}",
            "name": f"{rng.choice(GIVEN_NAMES)} {rng.choice(FAMILY_NAMES)}",
            "vip": rng.random() < 0.08,
            "city": rng.choice(list(CITIES)),
            "street": f"{rng.choice(('Hauptstr.', 'Rue du Rhône', 'Main St', 'ul. Długa'))} {rng.randrange(1, 240)}",
        }


@dataclass(frozen=True)
class Write:
    """One order's part of a change: the parameters of PutItem, UpdateItem or DeleteItem but for the table's name.

    ``version`` is the order's version once the write is done; of a delete, the version that is deleted. ``ends``: the
    order is gone with the write, or some time after it.
    """

    operation: Literal["Put", "Update", "Delete"]
    parameters: Mapping[str, Any]
    key: Item
    version: int
    ends: bool = False

    @property
    def order_id(self) -> str:
        """The key, as text."""
        return str(self.key[KEY]["S"])

    def is_done(self, found: Item | None) -> bool:
        """Whether ``found``, the order as it is in the table, shows that this write, or a later one, was applied."""
        if found is None:
            return self.ends
        version = int(found.get("version", {}).get("N", 0))
        return version > self.version or (version == self.version and self.operation != "Delete")


@dataclass(frozen=True)
class Change:
    """One thing that happened to an order, or to two at once: then its writes are one transaction."""

    number: int
    kind: Kind
    writes: tuple[Write, ...]


@dataclass
class _State:
    """What a change has to know of an order."""

    version: int
    status: str
    shipment: bool
    total: Decimal


class Changes:
    """A reproducible series of changes to the first ``count`` orders of ``orders``, and to those that changes add.

    ``clock`` is read for expiries alone. Memory follows the number of orders that changed, not the size of the table.
    """

    def __init__(self, orders: Orders, count: int, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.orders = orders
        self._clock = clock
        self._rng = orders.random("changes", count)
        self._next_order = count
        self._next_change = 0
        self._there = _Pool(range(count))
        self._deleted = _Pool(())
        self._states: dict[int, _State] = {}
        self._recent: list[int] = []

    def next(self, kind: Kind) -> Change:
        """The next change; one of ``kind``, or a put where there is no order that it could happen to.

        put: a new order. update: of a status, an address, sets, lists, numbers. delete, and reput: another order under
        the key of a deleted one. exchange: an order comes back and another one is put, in one transaction. expire: an
        order's time to live ends now, and no later change concerns it.
        """
        if not (self._deleted if kind == "reput" else self._there) and kind != "put":
            kind = "put"
        writes: list[Write]
        if kind == "put":
            writes = [self._put(self._next_order)]
            self._next_order += 1
        elif kind == "reput":
            writes = [self._put(self._deleted.take(self._rng))]
        elif kind == "delete":
            writes = [self._delete(self._there.take(self._rng))]
        elif kind == "expire":
            writes = [self._expire(self._there.take(self._rng))]
        elif kind == "exchange":
            number = self._there.pick(self._rng)
            writes = [self._set(number, status="returned"), self._put(self._next_order)]
            self._next_order += 1
        else:
            writes = [self._update(self._pick())]
        change = Change(self._next_change, kind, tuple(writes))
        self._next_change += 1
        return change

    def series(self, **counts: int) -> Iterator[Change]:
        """So many changes of each kind, mixed: ``series(update=100, delete=10)``. Re-puts wait for deletes."""
        kinds = [kind for kind, count in sorted(counts.items()) for _ in range(count)]
        self._rng.shuffle(kinds)
        waiting = 0
        for kind in kinds:
            if kind == "reput" and not self._deleted:
                waiting += 1
                continue
            yield self.next(kind)  # type: ignore[arg-type]
            if waiting and self._deleted:
                waiting -= 1
                yield self.next("reput")
        for _ in range(waiting):
            yield self.next("reput")

    def _state(self, number: int) -> _State:
        if number not in self._states:
            order = self.orders.order(number)
            self._states[number] = _State(1, order["status"], "shipment" in order, order["total"])
        return self._states[number]

    def _pick(self) -> int:
        """An order that is there; often one that changed a short while ago, as orders do."""
        if self._recent and self._rng.random() < 0.3:
            number = self._rng.choice(self._recent)
            if number in self._there:
                return number
        number = self._there.pick(self._rng)
        self._recent = [*self._recent[-63:], number]
        return number

    def _put(self, number: int) -> Write:
        version = self._states[number].version + 1 if number in self._states else 1
        order = self.orders.order(number, version)
        self._states[number] = _State(version, order["status"], "shipment" in order, order["total"])
        self._there.add(number)
        parameters = {"Item": to_item(order), "ConditionExpression": f"attribute_not_exists({KEY})"}
        return Write("Put", parameters, self.orders.key(number), version)

    def _delete(self, number: int) -> Write:
        self._deleted.add(number)
        version = self._state(number).version
        parameters = {
            "Key": self.orders.key(number),
            "ConditionExpression": "version = :expected",
            "ExpressionAttributeValues": {":expected": {"N": str(version)}},
        }
        return Write("Delete", parameters, self.orders.key(number), version, ends=True)

    def _expire(self, number: int) -> Write:
        # The past by a second, so that it is over whatever the sweeper rounds.
        return replace(self._set(number, expires_at=int(self._clock().timestamp()) - 1), ends=True)

    def _update(self, number: int) -> Write:
        rng, state = self._rng, self._state(number)
        what = rng.randrange(10)
        if what < 4 and state.status in NEXT_STATUS:
            return self._advance(number, NEXT_STATUS[state.status])
        if what == 4 and state.status in ("pending", "paid"):
            return self._set(number, status="cancelled", cancelled_at=_iso(self._moment()))
        if what == 5:
            moved = {"city": "Ζυρίχη", "street": f"Neue Gasse {rng.randrange(300)}"}
            name = rng.choice(sorted(moved))
            return self._write_update(
                number, [f"SET address.#{name} = :moved"], {f"#{name}": name}, {":moved": moved[name]}
            )
        if what == 6:
            verb = rng.choice(("ADD", "DELETE"))
            return self._write_update(number, [f"{verb} tags :tags"], {}, {":tags": set(rng.sample(TAGS, 2))})
        if what == 7:
            # "audit" is declared by nobody.
            note = {"by": rng.choice(GIVEN_NAMES), "amount": _decimal(rng.randrange(10**38), rng.randrange(38))}
            clause = "SET audit = list_append(if_not_exists(audit, :none), :notes)"
            return self._write_update(number, [clause], {}, {":none": [], ":notes": [note]})
        if what == 8:
            clauses = ["REMOVE gift_message, coupon_codes", "SET #items[0].gift = :gift"]
            return self._write_update(number, clauses, {"#items": "items"}, {":gift": rng.random() < 0.5})
        rate = _decimal(rng.randrange(9 * 10**17, 11 * 10**17), 18)
        reference = Decimal(rng.randrange(10 ** rng.randrange(1, 39)))
        total_base = EXACT.multiply(state.total, rate)
        return self._set(
            number, exchange_rate=rate, total_base=total_base, payment_reference=reference, gift_message=None
        )

    def _advance(self, number: int, status: str) -> Write:
        state, rng = self._state(number), self._rng
        state.status = status
        if status == "shipped":
            state.shipment = True
            shipment = _shipment(rng, self._moment())
            del shipment["delivered_at"]
            return self._set(
                number, status=status, shipment=shipment, parcel_weights={_decimal(rng.randrange(1, 9999), 3)}
            )
        if status == "delivered" and state.shipment:
            signature = rng.randbytes(16)
            clause = "SET #status = :status, shipment.delivered_at = :at, signature = :signature"
            values = {":status": status, ":at": _iso(self._moment()), ":signature": signature}
            return self._write_update(number, [clause], {"#status": "status"}, values)
        return self._set(number, status=status)

    def _set(self, number: int, **attributes: Any) -> Write:
        if "status" in attributes:
            self._state(number).status = attributes["status"]
        clause = "SET " + ", ".join(f"#{name} = :{name}" for name in attributes)
        names = {f"#{name}": name for name in attributes}
        return self._write_update(number, [clause], names, {f":{name}": value for name, value in attributes.items()})

    def _write_update(
        self, number: int, clauses: Sequence[str], names: Mapping[str, str], values: Mapping[str, Any]
    ) -> Write:
        state = self._state(number)
        expected, state.version = state.version, state.version + 1
        bookkeeping = "version = :version, updated_at = :updated_at"
        sets = [clause.removeprefix("SET ") for clause in clauses if clause.startswith("SET ")]
        others = [clause for clause in clauses if not clause.startswith("SET ")]
        every = {
            **values,
            ":expected": expected,
            ":version": state.version,
            ":updated_at": _milliseconds(self._moment()),
        }
        parameters: dict[str, Any] = {
            "Key": self.orders.key(number),
            "UpdateExpression": " ".join([f"SET {', '.join([*sets, bookkeeping])}", *others]),
            "ConditionExpression": "version = :expected",
            "ExpressionAttributeValues": to_item(every),
        }
        if names:
            parameters["ExpressionAttributeNames"] = dict(names)
        return Write("Update", parameters, self.orders.key(number), state.version)

    def _moment(self) -> datetime:
        """When it happened, in the data: in the weeks after the last order."""
        end = datetime(END.year, END.month, END.day, tzinfo=UTC)
        return end + timedelta(milliseconds=self._rng.randrange(20 * 86_400_000))


@dataclass
class _Pool:
    """Numbers to pick from at random; adding, taking and asking cost the same however many there are."""

    numbers: Sequence[int]
    _list: list[int] = field(init=False)
    _place: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._list = list(self.numbers)
        self._place = {number: place for place, number in enumerate(self._list)}

    def __len__(self) -> int:
        return len(self._list)

    def __contains__(self, number: int) -> bool:
        return number in self._place

    def add(self, number: int) -> None:
        self._place[number] = len(self._list)
        self._list.append(number)

    def pick(self, rng: random.Random) -> int:
        return self._list[rng.randrange(len(self._list))]

    def take(self, rng: random.Random) -> int:
        number = self.pick(rng)
        place, last = self._place.pop(number), self._list.pop()
        if last != number:
            self._list[place], self._place[last] = last, place
        return number


_serializer = TypeSerializer()


def to_item(values: Mapping[str, Any]) -> Item:
    """Python values as DynamoDB's attribute values, sets in order so that the same values are the same text."""
    return {name: _sorted(_serializer.serialize(value)) for name, value in values.items()}


def _sorted(value: Any) -> Any:
    [(tag, content)] = value.items()
    if tag in ("SS", "BS"):
        return {tag: sorted(content)}
    if tag == "NS":
        return {tag: sorted(content, key=Decimal)}
    if tag == "L":
        return {tag: [_sorted(element) for element in content]}
    if tag == "M":
        return {tag: {name: _sorted(element) for name, element in content.items()}}
    return value


def to_json(item: Item) -> str:
    """An item as one line of DynamoDB JSON, its bytes in base64."""

    def encode(value: bytes) -> str:
        return base64.b64encode(value).decode()

    return json.dumps(item, ensure_ascii=False, separators=(",", ":"), default=encode)


def from_json(value: Any) -> Any:
    """What ``to_json`` wrote, parsed, with its bytes again: one item, whose tags say what is binary."""
    return {name: _from_json(content) for name, content in value.items()}


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f'{json.dumps(value)[:80]} is not an attribute value such as {{"S": "text"}}')
    [(tag, content)] = value.items()
    if tag == "B":
        return {tag: base64.b64decode(content, validate=True)}
    if tag == "BS":
        return {tag: [base64.b64decode(element, validate=True) for element in content]}
    if tag == "L":
        return {tag: [_from_json(element) for element in content]}
    if tag == "M":
        return {tag: from_json(content)}
    return value


def dataset() -> str:
    """The text of data/sample_dataset.json: an array of items in DynamoDB JSON, one per line."""
    items = Orders(DEFAULT_SEED).items(0, DATASET_ORDERS)
    return "[\n" + ",\n".join(map(to_json, items)) + "\n]\n"


def _line(rng: random.Random) -> dict[str, Any]:
    sku = rng.choice(list(PRODUCTS))
    name, category, price = PRODUCTS[sku]
    line: dict[str, Any] = {
        "sku": sku,
        "name": name,
        "category": category,
        "quantity": rng.choice((1, 1, 1, 1, 2, 2, 3, 10)),
        "unit_price": _cents(price * rng.choice((100, 100, 100, 90, 75)) // 100),
        "gift": rng.random() < 0.05,
    }
    if rng.random() < 0.02:
        line.update(sku=UNCATEGORISED, name="Sundries")
        del line["category"]
    return line


def _add_optional(rng: random.Random, order: dict[str, Any], adjustments: dict[str, Decimal]) -> None:
    """Attributes that only some orders have, and an old client's mistake, as many a table has them."""
    if rng.random() < 0.01:
        order["loyalty_points"] = str(order["loyalty_points"])
    if rng.random() < 0.15:
        order["address"]["lines"] = [] if rng.random() < 0.3 else ["c/o Hôtel du Lac", "2. OG / étage"]
    if rng.random() < 0.2:
        order["co2_kg"] = _decimal(rng.randrange(10**38), 35)
    if adjustments or rng.random() < 0.1:
        order["adjustments"] = adjustments
    if order["is_gift"] or rng.random() < 0.05:
        order["gift_message"] = None if rng.random() < 0.2 else rng.choice(MESSAGES)
    if rng.random() < 0.35:
        order["tags"] = set(rng.sample(TAGS, rng.randrange(1, 4)))
    if rng.random() < 0.2:
        order["coupon_codes"] = set(rng.sample(COUPONS, rng.randrange(1, 3)))


def _add_fulfilment(rng: random.Random, order: dict[str, Any], ordered: datetime) -> None:
    """What an order has once it is shipped, or cancelled."""
    status = order["status"]
    if status in ("shipped", "delivered", "returned"):
        order["shipment"] = shipment = _shipment(rng, ordered)
        order["parcel_weights"] = {_decimal(rng.randrange(50, 30_000), 3) for _ in range(rng.randrange(1, 4))}
        if status == "shipped":
            del shipment["delivered_at"]
        elif rng.random() < 0.4:
            order["signature"] = b"" if rng.random() < 0.05 else rng.randbytes(rng.randrange(8, 40))
    if status == "cancelled":
        order["cancelled_at"] = _iso(ordered + timedelta(minutes=rng.randrange(5, 4000)))


def _shipment(rng: random.Random, ordered: datetime) -> dict[str, Any]:
    carrier = _weighted(rng, {name: share for name, (share, _) in CARRIERS.items()})
    shipped = ordered + timedelta(minutes=rng.randrange(60, 60 * 72))
    usual = CARRIERS[carrier][1]
    return {
        "carrier": carrier,
        "tracking_number": f"{rng.randrange(10**12):012d}",
        "shipped_at": _iso(shipped),
        "promised_at": _iso(shipped + timedelta(hours=usual + 12)),
        "delivered_at": _iso(shipped + timedelta(minutes=rng.randrange(usual * 30, usual * 90))),
    }


def _undeclared(rng: random.Random) -> dict[str, Any]:
    """Attributes that no schema mentions."""
    found: dict[str, Any] = {}
    if rng.random() < 0.25:
        found["utm"] = {
            "source": rng.choice(("newsletter", "suche", "広告")),
            "campaign": None,
            "cost": _cents(rng.randrange(400)),
        }
    if rng.random() < 0.12:
        found["risk_score"] = rng.choice(SCORES)
    if rng.random() < 0.08:
        found["legacy"] = [Decimal(rng.randrange(10)), "x", None, {"raw": rng.randbytes(6), "seen": True}, [], {}]
    if rng.random() < 0.05:
        found["Notes ✎"] = 'läuten\u2028bitte \u0000 {"a": 1}'
    return found


def _weighted(rng: random.Random, shares: Mapping[str, int]) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


def _decimal(digits: int, places: int) -> Decimal:
    """``digits`` with a point before the last ``places``. Not scaleb, which keeps the 28 digits of Python's default."""
    return Decimal(f"{digits}E-{places}")


def _cents(cents: int) -> Decimal:
    return _decimal(cents, 2)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


if __name__ == "__main__":
    sys.stdout.buffer.write(dataset().encode())

"""Asking: the same statement to the local Athena's engine and to Trino, each answer in the same form."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from localaws.athena import select
from localaws.athena.engine import InvalidRequest, QueryContext, QueryFailed, execute
from localaws.athena.statements import UNSUPPORTED
from localaws.athena.values import java_double, java_float
from tests.referee.server import CATALOG

# With it Trino tells the digits of a moment's seconds, in its type and in its values.
_CAPABILITIES = "PARAMETRIC_DATETIME"
_SECONDS = 120.0
_MOMENT = re.compile(r"^([+-]?\d+-\d\d-\d\d )?(\d\d:\d\d:\d\d)(?:\.(\d+))?(.*)$")


@dataclass(frozen=True)
class Answer:
    """What one side says: columns with Trino's names of their types, rows as Athena prints them; or an error."""

    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    error: str | None = None
    text: str = ""

    def shown(self) -> str:
        """In one line, for people."""
        if self.error is not None:
            return f"{self.error}: {self.text[:200]}"
        return f"{[list(row) for row in self.rows[:6]]} {list(self.types)}"[:600]


Ask = Callable[[str], Answer]


def ask_local(database: str, glue: Any, s3: Any) -> Ask:
    """Asks the engine of the local Athena, in this process."""

    def ask(sql: str) -> Answer:
        context = QueryContext(database, glue, s3)
        try:
            result = execute(sql, context)
            if result.written is not None:
                return Answer(("rows",), ("bigint",), ((str(result.written),),))
            query, _ = select.plan(sql, context)
        except InvalidRequest as error:
            known = error.message == UNSUPPORTED
            return Answer(error="NOT_SUPPORTED" if known else "SYNTAX_ERROR", text=error.message)
        except QueryFailed as error:
            name, _, text = error.message.partition(": ")
            return Answer(error=name, text=text)
        except Exception as error:
            return Answer(error="EXCEPTION", text=repr(error))
        types = tuple(str(column.type) for column in query.columns)
        return Answer(tuple(c.name for c in result.columns), types, tuple(map(tuple, result.rows)))

    return ask


def plan_local(database: str, glue: Any) -> Ask:
    """Asks for a query's names and types alone, or the error with which it is not begun; tables stay as they are."""
    context = QueryContext(database, _Remembered(glue), None)

    def ask(sql: str) -> Answer:
        try:
            query, _ = select.plan(sql, context)
        except QueryFailed as error:
            name, _, text = error.message.partition(": ")
            return Answer(error=name, text=text)
        except Exception as error:
            return Answer(error="EXCEPTION", text=repr(error))
        return Answer(tuple(select.column_names(query)), tuple(str(column.type) for column in query.columns))

    return ask


class _Remembered:
    """A Glue that is asked for each table once."""

    def __init__(self, glue: Any) -> None:
        self.get_table = functools.cache(glue.get_table)


def ask_trino(address: str, database: str) -> Ask:
    """Asks Trino, by its protocol (https://trino.io/docs/current/develop/client-protocol.html)."""
    headers = {
        "X-Trino-User": "referee",
        "X-Trino-Catalog": CATALOG,
        "X-Trino-Schema": database,
        "X-Trino-Time-Zone": "UTC",
        "X-Trino-Client-Capabilities": _CAPABILITIES,
    }
    sessions = threading.local()

    def ask(sql: str) -> Answer:
        if not hasattr(sessions, "session"):
            sessions.session = requests.Session()
        http: requests.Session = sessions.session
        reply = http.post(f"{address}/v1/statement", data=sql.encode(), headers=headers, timeout=_SECONDS)
        reply.raise_for_status()
        page = reply.json()
        columns: list[dict[str, Any]] = []
        rows: list[list[Any]] = []
        while True:
            columns = page.get("columns") or columns
            rows += page.get("data") or []
            if "error" in page:
                return Answer(error=page["error"]["errorName"], text=page["error"]["message"])
            if "nextUri" not in page:
                break
            reply = http.get(page["nextUri"], headers=headers, timeout=_SECONDS)
            reply.raise_for_status()
            page = reply.json()
        signatures = [column["typeSignature"] for column in columns]
        return Answer(
            tuple(column["name"] for column in columns),
            tuple(column["type"] for column in columns),
            tuple(tuple(_text(v, s) for v, s in zip(row, signatures, strict=True)) for row in rows),
        )

    return ask


def _text(value: Any, signature: dict[str, Any]) -> str | None:
    """A value of Trino's protocol as Athena's results print it."""
    if value is None:
        return None
    name, arguments = signature["rawType"], [argument["value"] for argument in signature["arguments"]]
    if name in ("double", "real"):
        return (java_double if name == "double" else java_float)(float(value))
    if name == "boolean":
        return "true" if value else "false"
    if name == "varbinary":
        return base64.b64decode(value).hex(" ")
    if name.startswith(("timestamp", "time")):
        return _in_milliseconds(value)
    if name == "array":
        return "[" + ", ".join(_or_null(_text(item, arguments[0])) for item in value) + "]"
    if name == "map":
        items = (f"{_text(_key(k, arguments[0]), arguments[0])}={_or_null(_text(v, arguments[1]))}"
                 for k, v in value.items())  # fmt: skip
        return "{" + ", ".join(items) + "}"
    if name == "row":
        fields = []
        for place, (item, argument) in enumerate(zip(value, arguments, strict=True)):
            field = (argument.get("fieldName") or {}).get("name") or f"field{place}"
            fields.append(f"{field}={_or_null(_text(item, argument['typeSignature']))}")
        return "{" + ", ".join(fields) + "}"
    return str(value)


def _key(text: str, signature: dict[str, Any]) -> Any:
    # A map's keys are the names of a JSON object: text, whatever their type.
    return text == "true" if signature["rawType"] == "boolean" else text


def _or_null(text: str | None) -> str:
    return "null" if text is None else text


def _in_milliseconds(value: str) -> str:
    """Athena prints three digits of a second, half up; with _CAPABILITIES Trino tells all that there are."""
    match = _MOMENT.match(value)
    if match is None:
        return value
    day, clock, digits, rest = match.groups()
    kept = (digits or "0").ljust(3, "0")
    if len(kept) == 3 or day is None:
        return f"{day or ''}{clock}.{kept[:3]}{rest}"
    moment = dt.datetime.fromisoformat(f"2000-{day[-6:]}{clock}") + dt.timedelta(
        microseconds=int(kept[:6].ljust(6, "0")) + 500
    )
    year = int(day[:-7]) + moment.year - 2000
    shown = f"+{year}" if year > 9999 else f"{year:04d}"
    return f"{shown}{moment:-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}{rest}"


_NUMBER = re.compile(r"-?\d+\.\d+(?:E-?\d+)?")


def near(one: str | None, other: str | None, kind: str) -> bool:
    """Whether two values are the same: floating point numbers but for their last digits, a map in any order."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    if "double" in kind or "real" in kind:
        a, b = _NUMBER.findall(one), _NUMBER.findall(other)
        tolerance = 1e-6 if "real" in kind else 1e-9
        if (
            a
            and len(a) == len(b)
            and _NUMBER.sub("#", one) == _NUMBER.sub("#", other)
            and all(
                math.isclose(float(x), float(y), rel_tol=tolerance, abs_tol=1e-15) for x, y in zip(a, b, strict=True)
            )
        ):
            return True
    return "map(" in kind and sorted(one) == sorted(other)

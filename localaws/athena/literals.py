"""Literals, and the moment the query was planned."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from sqlglot import exp

from localaws.athena import jsonpath
from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.operators import Operators
from localaws.athena.syntax import Node, text_literal
from localaws.athena.types import Type, decimal, to_duckdb


def _day(year: int, month: int, day: int) -> tuple[int, dt.date]:
    """The year, and the month and day in a year that Python has: the calendar repeats itself. Raises ValueError."""
    return year, dt.date(2000 + year % 400 if year > 9999 or year == 0 else year, month, day)


class Literals(Operators):
    """Constants as Trino types them (https://trino.io/docs/current/language/types.html)."""

    def _literal(self, node: exp.Literal) -> Expr:
        text = node.name
        if node.is_string:
            return Expr(text_literal(text), t.varchar(len(text)), text)
        return self.number(text, node)

    def number(self, text: str, node: Node) -> Expr:
        """A numeric literal: integer, bigint, decimal, or double when it has an exponent."""
        if re.fullmatch(r"\d+", text):
            value = int(text)
            if value >= 2**63:
                raise self.failure("SYNTAX_ERROR", f"Invalid numeric literal: {text}", node)
            kind = t.INTEGER if value < 2**31 else t.BIGINT
            return Expr(text, kind, value)
        if "e" in text.lower():
            return Expr(f"CAST('{text}' AS DOUBLE)", t.DOUBLE, float(text))
        return self._decimal_literal(text, node)

    def _decimal_literal(self, text: str, node: Node) -> Expr:
        match = re.fullmatch(r"([+-]?)0*(\d*)\.?(\d*)", text.replace("_", ""))
        if match is None or not (match[2] or match[3] or "0" in text):
            raise self.failure("INVALID_LITERAL", f"'{text}' is not a valid DECIMAL literal", node)
        scale = len(match[3])
        precision = max(len(match[2]) + scale, 1)
        if precision > t.MAX_DECIMAL:
            raise self.failure("INVALID_LITERAL", f"Invalid decimal literal '{text}'", node)
        kind = decimal(precision, scale)
        return Expr(f"CAST('{text}' AS {to_duckdb(kind)})", kind, text)

    def _typed_literal(self, node: exp.Cast, target: Type, type_text: str) -> Expr:
        if not isinstance(node.this, exp.Literal) or not node.this.is_string:
            raise self.failure("SYNTAX_ERROR", f"mismatched input in the literal of type {type_text}", node)
        text = node.this.name
        if target.name == "decimal":
            return self._decimal_literal(text, node)
        if target.name == "date":
            match = re.fullmatch(r"([+-]?)(\d{4,})-(\d{1,2})-(\d{1,2})", text.strip())
            try:
                if match is None:
                    raise ValueError
                year, value = _day(*map(int, match.groups()[1:]))
            except ValueError as error:
                raise self.failure("INVALID_LITERAL", f"'{text}' is not a valid DATE literal", node) from error
            if match[1] == "-" or year == 0:
                raise self.unsupported("years before 1", node)
            return Expr(f"DATE '{year:04d}-{value:%m-%d}'", t.DATE, text)
        if target.name.startswith("timestamp"):
            return self._timestamp_literal(text, node)
        return self.cast(Expr(text_literal(text), t.varchar(len(text)), text), target, node)

    def _timestamp_literal(self, text: str, node: Node) -> Expr:
        match = re.fullmatch(
            r"(\d{4,})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?)?\s*(\S.*)?",
            text.strip(),
        )
        invalid = self.failure("INVALID_LITERAL", f"'{text}' is not a valid TIMESTAMP literal", node)
        if match is None:
            raise invalid
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        if fraction and len(fraction) > 6:
            raise self.unsupported(f"timestamp({len(fraction)})", node)
        try:
            shown, date = _day(int(year), int(month), int(day))
            clock = dt.time(int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "0").ljust(6, "0")))
        except ValueError as error:
            raise invalid from error
        sql = f"TIMESTAMP '{shown:04d}-{date:%m-%d} {clock.isoformat()}'"
        precision = (len(fraction) if fraction else 0,)
        if zone is None:
            return Expr(sql, Type("timestamp", precision), text)
        if re.fullmatch(r"[+-]\d{1,2}(:\d{2})?", zone):
            offset = zone if ":" in zone else f"{zone}:00"
            if offset[1:] != "00:00":
                raise self.unsupported(f"the fixed offset {zone} of a timestamp; name a time zone", node)
            zone = "UTC"
        try:
            local = dt.datetime.combine(date, clock, ZoneInfo(zone))
        except Exception as error:
            raise invalid from error
        if local.astimezone(dt.UTC).astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
            # The zone's clocks were moved past it.
            raise invalid
        return Expr(f"timezone('{zone}', {sql})", Type("timestamp with time zone", precision, zone), text)

    def _interval(self, node: exp.Interval) -> Expr:
        unit = node.args.get("unit")
        text = node.this.name if isinstance(node.this, exp.Literal) else None
        if text is None or unit is None:
            raise self.failure("SYNTAX_ERROR", "an interval is written INTERVAL '1' DAY", node)
        start = node.this.meta.get("start")
        if start is not None and self.queries.sql[start : start + 1] != "'":
            raise self.failure("SYNTAX_ERROR", f"mismatched input '{text}'. Expecting: '+', '-', <string>", node)
        if isinstance(unit, exp.IntervalSpan):
            raise self.unsupported(f"INTERVAL '{text}' {unit.this.name} TO {unit.expression.name}", node)
        name = unit.name.upper()
        seconds = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
        if name in seconds and re.fullmatch(r"[+-]?\d+(\.\d{1,3})?" if name == "SECOND" else r"[+-]?\d+", text):
            span_ = dt.timedelta(seconds=float(text) * seconds[name])
            return Expr(f"to_microseconds({span_ // dt.timedelta(microseconds=1)})", t.INTERVAL_DAY, span_)
        if name in ("MONTH", "YEAR") and re.fullmatch(r"[+-]?\d+", text):
            return Expr(f"to_months({int(text) * (12 if name == 'YEAR' else 1)})", t.INTERVAL_YEAR)
        raise self.failure("INVALID_LITERAL", f"'{text}' is not a valid INTERVAL literal", node)

    def _json(self, node: exp.ParseJSON) -> Expr:
        if not isinstance(node.this, exp.Literal) or not node.this.is_string:
            raise self.failure("SYNTAX_ERROR", "mismatched input after JSON", node)
        try:
            text = jsonpath.canonical(node.this.name)
        except ValueError as error:
            raise self.failure("INVALID_LITERAL", f"'{node.this.name}' is not a valid JSON literal", node) from error
        return Expr(text_literal(text), t.JSON)

    def _hex(self, node: exp.HexString) -> Expr:
        text = node.name.replace(" ", "")
        if not re.fullmatch(r"([0-9A-Fa-f]{2})*", text):
            raise self.failure("INVALID_LITERAL", "Binary literal can only contain hexadecimal digits", node)
        return Expr(f"unhex('{text}')", t.VARBINARY)

    def _boolean(self, node: exp.Boolean) -> Expr:
        return Expr("TRUE" if node.this else "FALSE", t.BOOLEAN, bool(node.this))

    def _null(self, node: exp.Null) -> Expr:
        return Expr("NULL", t.UNKNOWN)

    def _current_date(self, node: Node) -> Expr:
        return Expr(f"DATE '{self.queries.analysis.now.date().isoformat()}'", t.DATE)

    def _current_timestamp(self, node: Node) -> Expr:
        return self.now()

    def _local_timestamp(self, node: Node) -> Expr:
        return Expr(f"timezone('UTC', {self.now().sql})", t.TIMESTAMP)

    def now(self) -> Expr:
        """current_timestamp: the moment the query was planned, for all of the query."""
        moment = self.queries.analysis.now
        text = moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
        return Expr(f"TIMESTAMPTZ '{text}+00'", t.TIMESTAMP_TZ)

    def zone(self, name: str, node: Node) -> str:
        """A time zone that exists, or INVALID_FUNCTION_ARGUMENT."""
        if re.fullmatch(r"[+-]\d\d:?\d\d", name):
            raise self.unsupported(f"the fixed offset {name}; name a time zone", node)
        try:
            ZoneInfo(name)
        except Exception as error:
            raise self.failure("INVALID_FUNCTION_ARGUMENT", f"'{name}' is not a valid time zone", node) from error
        return name

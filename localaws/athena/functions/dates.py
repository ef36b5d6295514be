"""Date and time functions (https://trino.io/docs/current/functions/datetime.html)."""

from __future__ import annotations

import re

from localaws.athena import types as t
from localaws.athena.casts import Expr, local_sql
from localaws.athena.duck import fail_sql
from localaws.athena.functions.registry import Call, function, simple
from localaws.athena.syntax import text_literal
from localaws.athena.types import Type

# Stands for a blank in what strptime reads.
_BLANK = "\x1f"
# Units that DuckDB counts in smaller ones.
_MULTIPLES = {"quarter": ("month", 3), "week": ("day", 7)}
_UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")


def wall_clock(value: Expr) -> str:
    """SQL of the local date or time that a value shows; a timestamp with time zone shows that of its zone."""
    return local_sql(value.sql, value.type) if value.type.name == "timestamp with time zone" else value.sql


def _back(sql: str, kind: Type) -> Expr:
    if kind.name == "date":
        return Expr(f"CAST({sql} AS DATE)", kind)
    if kind.name == "timestamp with time zone":
        return Expr(f"timezone('{kind.zone}', CAST({sql} AS TIMESTAMP))", kind)
    return Expr(f"CAST({sql} AS TIMESTAMP)", kind)


def _unit(call: Call, kind: Type) -> str:
    """The unit that the first argument names, of which a moment of that type has one."""
    unit = call.constant(0).lower()
    if unit not in _UNITS or (kind.name == "date" and unit in _UNITS[:4]):
        field_of = "DATE" if unit in _UNITS else "TIMESTAMP"
        raise call.fail("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid {field_of} field")
    return unit


@function("date_trunc(varchar, M) M")
def _date_trunc(call: Call) -> Expr:
    value = call.args[1]
    return _back(f"date_trunc('{_unit(call, value.type)}', {wall_clock(value)})", value.type)


@function("date_add(varchar, bigint, M) M")
def _date_add(call: Call) -> Expr:
    amount, value = call.sql[1], call.args[2]
    unit = _unit(call, value.type)
    if unit == "millisecond" and value.type.precision < 3:
        raise call.fail("NOT_SUPPORTED", f"milliseconds added to {value.type}")
    base, factor = _MULTIPLES.get(unit, (unit, 1))
    count = amount if factor == 1 else f"{amount} * {factor}"
    if unit in _UNITS[:4] and value.type.name == "timestamp with time zone":
        # Hours and smaller units are added to the instant, so that a change of the zone's offset has no part in it.
        return Expr(f"timezone('UTC', timezone('UTC', {value.sql}) + to_{base}s({count}))", value.type)
    return _back(f"({wall_clock(value)} + to_{base}s({count}))", value.type)


@function("date_diff(varchar, M, M) bigint")
def _date_diff(call: Call) -> str:
    start, end = call.args[1:]
    unit = _unit(call, start.type)
    base, factor = _MULTIPLES.get(unit, (unit, 1))
    ends = [wall_clock(start), wall_clock(end)]
    if unit in _UNITS[:4] and start.type.name == "timestamp with time zone":
        ends = [f"timezone('UTC', {value.sql})" for value in (start, end)]
    sql = f"date_sub('{base}', {ends[0]}, {ends[1]})"
    return f"CAST({sql if factor == 1 else f'({sql} // {factor})'} AS BIGINT)"


_FIELDS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "week_of_year": "week", "day": "day",
    "day_of_month": "day", "day_of_week": "isodow", "dow": "isodow", "day_of_year": "doy", "doy": "doy",
    "year_of_week": "isoyear", "yow": "isoyear", "hour": "hour", "minute": "minute",
}  # fmt: skip
_CLOCK_FIELDS = ("hour", "minute", "second", "millisecond")


def field(name: str, value: Expr) -> Expr | None:
    """EXTRACT(name FROM value), or None when the type has no such field."""
    if value.type.name not in t.MOMENTS or (value.type.name == "date" and name in _CLOCK_FIELDS):
        return None
    local = wall_clock(value)
    if name == "second":
        return Expr(f"CAST(floor(date_part('second', {local})) AS BIGINT)", t.BIGINT)
    if name == "millisecond":
        return Expr(f"CAST(date_part('millisecond', {local}) % 1000 AS BIGINT)", t.BIGINT)
    if name not in _FIELDS:
        return None
    return Expr(f"CAST(date_part('{_FIELDS[name]}', {local}) AS BIGINT)", t.BIGINT)


@function(f"{' '.join(_FIELDS)} second millisecond(T) bigint")
def _extract(call: Call) -> Expr:
    found = field(call.name, call.args[0])
    if found is None:
        raise call.mismatch()
    return found


@function("date(T) date")
def _date(call: Call) -> Expr:
    return call.translator.cast(call.args[0], t.DATE, call.node)


@function("last_day_of_month(M) date")
def _last_day(call: Call) -> str:
    return f"last_day(CAST({wall_clock(call.args[0])} AS DATE))"


@function("now() timestamp with time zone")
def _now(call: Call) -> Expr:
    return call.translator.now()


@function("current_timezone() varchar")
def _current_timezone(call: Call) -> Expr:
    return Expr("'UTC'", t.VARCHAR, "UTC")


@function("current_timestamp localtimestamp(integer) timestamp with time zone")
def _precise_now(call: Call) -> Expr:
    if call.args[0].literal != 3:
        raise call.fail("NOT_SUPPORTED", f"{call.name} with another precision than 3")
    now = call.translator.now()
    return now if call.name == "current_timestamp" else Expr(f"timezone('UTC', {now.sql})", t.TIMESTAMP)


@function("from_unixtime(double) timestamp with time zone", "from_unixtime(double, varchar) timestamp with time zone")
def _from_unixtime(call: Call) -> Expr:
    zone = "UTC" if len(call.args) == 1 else call.translator.zone(call.constant(1), call.node)
    # make_timestamp takes microseconds; Trino keeps whole milliseconds.
    moment = f"make_timestamp(CAST(round({call.sql[0]} * 1000) AS BIGINT) * 1000)"
    return Expr(f"timezone('UTC', {moment})", Type("timestamp with time zone", (3,), zone))


@function("to_unixtime(M) double")
def _to_unixtime(call: Call) -> str:
    value = call.arg(0, t.TIMESTAMP_TZ) if call.args[0].type.name == "date" else call.args[0]
    return f"(epoch_us({value.sql}) / 1000000.0::DOUBLE)"


@function("at_timezone(M, varchar) M")
def _at_timezone(call: Call) -> Expr:
    value = call.args[0]
    if value.type.name == "date":
        raise call.mismatch()
    kind = Type("timestamp with time zone", value.type.args, call.translator.zone(call.constant(1), call.node))
    moment = value if value.type.name == kind.name else call.arg(0, Type(kind.name, kind.args))
    return Expr(moment.sql, kind)


@function("date_format(M, varchar) varchar")
def _date_format(call: Call) -> str:
    return f"strftime({wall_clock(call.args[0])}, {text_literal(_mysql_format(call, call.constant(1)))})"


@function("date_parse(varchar, varchar) timestamp")
def _date_parse(call: Call) -> str:
    """A text by a pattern of strptime, read as Joda reads it.

    DuckDB would pass over blanks, take "epoch" and "infinity" in any pattern, begin at 1900, and hold hour 12 for noon.
    """
    pattern = _mysql_format(call, call.constant(1), parsing=True)
    letters = set(re.findall("%(.)", pattern.replace("%%", "")))
    if letters & set("aAjGV"):
        raise call.fail("NOT_SUPPORTED", "date_parse of weeks, days of the week or days of the year")
    if not pattern:
        raise call.fail("INVALID_FUNCTION_ARGUMENT", "Both printing and parsing not supported")
    half = ("AM", "%p") if "I" in letters and "p" not in letters else ("", "")
    year = ("", "") if letters & set("yY") else ("2000" if letters & set("bBdm") else "1970", "%Y")
    text, form = f"(replace({call.sql[0]}, ' ', '{_BLANK}') || '{_BLANK}{half[0]}')", pattern.replace(" ", _BLANK)
    form += _BLANK + half[1]
    converted = f"try_strptime('{year[0]}{_BLANK}' || {text}, {text_literal(year[1] + _BLANK + form)})"
    if "y" in letters:
        converted = f"t_pivot({converted})"
    if pattern.startswith("%Y"):
        signed = f"t_signed_year({text}, {text_literal(form)})"
        converted = f"CASE WHEN left({text}, 1) IN ('-', '+') THEN {signed} ELSE {converted} END"
    invalid = _invalid_format(call.sql[0], "TIMESTAMP")
    return f"CASE WHEN {text} IS NULL THEN NULL WHEN {converted} IS NULL THEN {invalid} ELSE {converted} END"


def _invalid_format(text: str, duckdb_type: str) -> str:
    return fail_sql("INVALID_FUNCTION_ARGUMENT", f"""'Invalid format: "' || {text} || '"'""", duckdb_type)


_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S",
    "T": "%H:%M:%S", "v": "%V", "W": "%A", "x": "%G", "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip


def _mysql_format(call: Call, pattern: str, parsing: bool = False) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern[at] != "%":
            out.append(pattern[at])
            at += 1
            continue
        letter = pattern[at + 1 : at + 2]
        if letter in ("D", "U", "u", "V", "w", "X") and letter:
            raise call.fail("INVALID_FUNCTION_ARGUMENT", f"%{letter} not supported in date format string")
        if letter not in _MYSQL:
            out.append(letter.replace("%", "%%"))
        else:
            out.append(_MYSQL[letter].replace("-", "") if parsing else _MYSQL[letter])
        at += 2
    return "".join(out)


simple("to_milliseconds(interval day to second) bigint", "CAST(round(epoch({0}) * 1000) AS BIGINT)")


@function("from_iso8601_date(varchar) date")
def _from_iso_date(call: Call) -> str:
    other = "[0-9]{4}(-[0-9]{2,3}|-?W[0-9]{2}(-[1-7])?)?"
    return _from_iso(call, "DATE", "[0-9]{4}-[0-9]{2}-[0-9]{2}", f"TRY_CAST({call.sql[0]} AS DATE)", other)


@function("from_iso8601_timestamp(varchar) timestamp with time zone")
def _from_iso_timestamp(call: Call) -> str:
    text = call.sql[0]
    clock = "T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    pattern = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({clock}(Z|[+-]00:?00)?)?"
    # A type has one zone here, and Trino keeps the offset of each value.
    offset = f"-[0-9]{{2}}-[0-9]{{2}}({clock})[+-][0-9]{{2}}(:?[0-9]{{2}})?"
    other = f"[0-9]{{4}}(-[0-9]{{2}}|-?W[0-9]{{2}}|-[0-9]{{3}}|{offset})?"
    full = f"CASE WHEN contains({text}, 'T') THEN {text} ELSE {text} || 'T00:00:00' END"
    converted = f"timezone('UTC', t_round_ms(timezone('UTC', TRY_CAST({full} AS TIMESTAMPTZ))))"
    return _from_iso(call, "TIMESTAMPTZ", pattern, converted, other)


def _from_iso(call: Call, kind: str, pattern: str, converted: str, other: str) -> str:
    """What `converted` gives of a text in the pattern; Trino reads the other ones as well, and this does not."""
    text = call.sql[0]
    refused = fail_sql("NOT_SUPPORTED", f"'{call.name} of ' || {text}", kind)
    return (
        f"CASE WHEN {text} IS NULL THEN NULL WHEN regexp_full_match({text}, '{pattern}') "
        f"AND {converted} IS NOT NULL THEN {converted} WHEN regexp_full_match({text}, '{other}') THEN {refused} "
        f"ELSE {_invalid_format(text, kind)} END"
    )

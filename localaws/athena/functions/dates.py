"""Date and time functions (https://trino.io/docs/current/functions/datetime.html)."""

from __future__ import annotations

import re

from localaws.athena import types as t
from localaws.athena.casts import Expr, local_sql
from localaws.athena.duck import fail_sql
from localaws.athena.functions.registry import Call, function, simple
from localaws.athena.syntax import text_literal
from localaws.athena.types import Type

_UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
# Stands for a blank in what strptime reads.
_BLANK = "\x1f"
_MOMENTS = ("date", "timestamp", "timestamp with time zone")


def _moment(call: Call, index: int) -> Expr:
    value = call.args[index]
    if value.type.name not in _MOMENTS:
        raise call.mismatch()
    return value


def wall_clock(value: Expr) -> str:
    """SQL of the local date or time that a value shows; a timestamp with time zone shows that of its zone."""
    return local_sql(value.sql, value.type) if value.type.name == "timestamp with time zone" else value.sql


def _back(sql: str, kind: Type) -> Expr:
    if kind.name == "date":
        return Expr(f"CAST({sql} AS DATE)", kind)
    if kind.name == "timestamp with time zone":
        return Expr(f"timezone('{kind.zone}', CAST({sql} AS TIMESTAMP))", kind)
    return Expr(f"CAST({sql} AS TIMESTAMP)", kind)


def _unit(call: Call) -> str:
    unit = call.constant(0).lower()
    if unit not in _UNITS:
        raise call.fail("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid TIMESTAMP field")
    return unit


@function("date_trunc", takes=(2,))
def _date_trunc(call: Call) -> Expr:
    unit, value = _unit(call), _moment(call, 1)
    if value.type.name == "date" and unit in _UNITS[:4]:
        raise call.fail("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field")
    return _back(f"date_trunc('{unit}', {wall_clock(value)})", value.type)


@function("date_add", takes=(3,))
def _date_add(call: Call) -> Expr:
    unit, amount, value = _unit(call), call.integer(1), _moment(call, 2)
    if value.type.name == "date" and unit in _UNITS[:4]:
        raise call.fail("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field")
    if unit == "millisecond" and value.type.precision < 3:
        raise call.fail("NOT_SUPPORTED", f"milliseconds added to {value.type}")
    factor = {"quarter": ("month", 3), "week": ("day", 7)}.get(unit, (unit, 1))
    count = amount if factor[1] == 1 else f"{amount} * {factor[1]}"
    if unit in _UNITS[:4] and value.type.name == "timestamp with time zone":
        # Hours and smaller units are added to the instant, so that a change of the zone's offset has no part in it.
        return Expr(f"timezone('UTC', timezone('UTC', {value.sql}) + to_{factor[0]}s({count}))", value.type)
    return _back(f"({wall_clock(value)} + to_{factor[0]}s({count}))", value.type)


@function("date_diff", takes=(3,))
def _date_diff(call: Call) -> Expr:
    unit = _unit(call)
    (start, end), kind = call.translator.unify([_moment(call, 1), _moment(call, 2)], call.node)
    if kind.name == "date" and unit in _UNITS[:4]:
        raise call.fail("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field")
    base, factor = {"quarter": ("month", 3), "week": ("day", 7)}.get(unit, (unit, 1))
    ends = [wall_clock(start), wall_clock(end)]
    if unit in _UNITS[:4] and kind.name == "timestamp with time zone":
        ends = [f"timezone('UTC', {value.sql})" for value in (start, end)]
    sql = f"date_sub('{base}', {ends[0]}, {ends[1]})"
    return Expr(f"CAST({sql if factor == 1 else f'({sql} // {factor})'} AS BIGINT)", t.BIGINT)


_FIELDS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "week_of_year": "week", "day": "day",
    "day_of_month": "day", "day_of_week": "isodow", "dow": "isodow", "day_of_year": "doy", "doy": "doy",
    "year_of_week": "isoyear", "yow": "isoyear", "hour": "hour", "minute": "minute",
}  # fmt: skip
_CLOCK_FIELDS = ("hour", "minute", "second", "millisecond")


def field(name: str, value: Expr) -> Expr | None:
    """EXTRACT(name FROM value), or None when the type has no such field."""
    if value.type.name == "interval day to second":
        return _interval_field(name, value.sql)
    if value.type.name not in _MOMENTS or (value.type.name == "date" and name in _CLOCK_FIELDS):
        return None
    local = wall_clock(value)
    if name == "second":
        return Expr(f"CAST(floor(date_part('second', {local})) AS BIGINT)", t.BIGINT)
    if name == "millisecond":
        return Expr(f"CAST(date_part('millisecond', {local}) % 1000 AS BIGINT)", t.BIGINT)
    if name not in _FIELDS:
        return None
    return Expr(f"CAST(date_part('{_FIELDS[name]}', {local}) AS BIGINT)", t.BIGINT)


def _interval_field(name: str, sql: str) -> Expr | None:
    seconds = f"CAST(trunc(epoch({sql})) AS BIGINT)"
    parts = {"day": f"{seconds} // 86400", "hour": f"{seconds} // 3600 % 24", "minute": f"{seconds} // 60 % 60",
             "second": f"{seconds} % 60"}  # fmt: skip
    return Expr(f"CAST({parts[name]} AS BIGINT)", t.BIGINT) if name in parts else None


@function(*_FIELDS, "second", "millisecond", takes=(1,))
def _extract(call: Call) -> Expr:
    found = field(call.name, call.args[0])
    if found is None:
        raise call.mismatch()
    return found


@function("date", takes=(1,))
def _date(call: Call) -> Expr:
    return call.translator.cast(call.args[0], t.DATE, call.node)


@function("last_day_of_month", takes=(1,))
def _last_day(call: Call) -> Expr:
    return Expr(f"last_day(CAST({wall_clock(_moment(call, 0))} AS DATE))", t.DATE)


@function("now", takes=(0,))
def _now(call: Call) -> Expr:
    return call.translator.now()


@function("current_timezone", takes=(0,))
def _current_timezone(call: Call) -> Expr:
    return Expr("'UTC'", t.VARCHAR, "UTC")


@function("current_timestamp", "localtimestamp", takes=(1,))
def _precise_now(call: Call) -> Expr:
    if call.args[0].literal != 3:
        raise call.fail("NOT_SUPPORTED", f"{call.name} with another precision than 3")
    now = call.translator.now()
    return now if call.name == "current_timestamp" else Expr(f"timezone('UTC', {now.sql})", t.TIMESTAMP)


@function("from_unixtime", takes=(1, 2))
def _from_unixtime(call: Call) -> Expr:
    seconds = call.arg(0, t.DOUBLE).sql
    zone = "UTC" if len(call.args) == 1 else call.translator.zone(call.constant(1), call.node)
    # make_timestamp takes microseconds; Trino keeps whole milliseconds.
    moment = f"make_timestamp(CAST(round({seconds} * 1000) AS BIGINT) * 1000)"
    return Expr(f"timezone('UTC', {moment})", Type("timestamp with time zone", (3,), zone))


@function("to_unixtime", takes=(1,))
def _to_unixtime(call: Call) -> Expr:
    value = call.arg(0, t.TIMESTAMP_TZ) if call.args[0].type.name != "timestamp" else call.args[0]
    return Expr(f"(epoch_us({value.sql}) / 1000000.0::DOUBLE)", t.DOUBLE)


@function("at_timezone", takes=(2,))
def _at_timezone(call: Call) -> Expr:
    value = call.args[0]
    if value.type.name != "timestamp with time zone":
        value = call.arg(0, t.TIMESTAMP_TZ)
    return Expr(value.sql, Type(value.type.name, value.type.args, call.translator.zone(call.constant(1), call.node)))


@function("with_timezone", takes=(2,))
def _with_timezone(call: Call) -> Expr:
    value = call.args[0]
    if value.type.name != "timestamp":
        raise call.mismatch()
    zone = call.translator.zone(call.constant(1), call.node)
    return Expr(f"timezone('{zone}', {value.sql})", Type("timestamp with time zone", value.type.args, zone))


@function("date_format", takes=(2,))
def _date_format(call: Call) -> Expr:
    value = _moment(call, 0)
    return Expr(f"strftime({wall_clock(value)}, {text_literal(_mysql_format(call, call.constant(1)))})", t.VARCHAR)


@function("date_parse", takes=(2,))
def _date_parse(call: Call) -> Expr:
    return _parsed(call, _mysql_format(call, call.constant(1), parsing=True))


@function("format_datetime", takes=(2,))
def _format_datetime(call: Call) -> Expr:
    value = _moment(call, 0)
    return Expr(f"strftime({wall_clock(value)}, {text_literal(_joda_format(call, value.type))})", t.VARCHAR)


@function("parse_datetime", takes=(2,))
def _parse_datetime(call: Call) -> Expr:
    parsed = _parsed(call, _joda_format(call, None))
    return Expr(f"timezone('UTC', {parsed.sql})", t.TIMESTAMP_TZ)


def _parsed(call: Call, pattern: str) -> Expr:
    """A text by a pattern of strptime, read as Joda reads it.

    DuckDB would pass over blanks, take "epoch" and "infinity" in any pattern, begin at 1900, and hold hour 12 for noon.
    """
    letters = set(re.findall("%(.)", pattern.replace("%%", "")))
    if letters & set("aAjuGV") or ("y" in letters and call.name == "parse_datetime"):
        raise call.fail("NOT_SUPPORTED", f"{call.name} of weeks, days of the week or the year, or years of two digits")
    if not pattern:
        raise call.fail("INVALID_FUNCTION_ARGUMENT", "Both printing and parsing not supported")
    half = ("AM", "%p") if "I" in letters and "p" not in letters else ("", "")
    year = ("", "") if letters & set("yY") else ("2000" if letters & set("bBdm") else "1970", "%Y")
    text, form = f"(replace({call.text(0)}, ' ', '{_BLANK}') || '{_BLANK}{half[0]}')", pattern.replace(" ", _BLANK)
    form += _BLANK + half[1]
    converted = f"try_strptime('{year[0]}{_BLANK}' || {text}, {text_literal(year[1] + _BLANK + form)})"
    if "y" in letters:
        converted = f"t_pivot({converted})"
    if pattern.startswith("%Y"):
        signed = f"t_signed_year({text}, {text_literal(form)})"
        converted = f"CASE WHEN left({text}, 1) IN ('-', '+') THEN {signed} ELSE {converted} END"
    invalid = call.invalid(f"""'Invalid format: "' || {call.text(0)} || '"'""", "TIMESTAMP")
    return Expr(
        f"CASE WHEN {text} IS NULL THEN NULL WHEN {converted} IS NULL THEN {invalid} ELSE {converted} END", t.TIMESTAMP
    )


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


_JODA = {
    ("y", 2): "%y", ("y", 4): "%Y", ("Y", 4): "%Y", ("M", 1): "%-m", ("M", 2): "%m", ("M", 3): "%b", ("M", 4): "%B",
    ("d", 1): "%-d", ("d", 2): "%d", ("H", 1): "%-H", ("H", 2): "%H", ("h", 1): "%-I", ("h", 2): "%I",
    ("m", 1): "%-M", ("m", 2): "%M", ("s", 1): "%-S", ("s", 2): "%S", ("S", 3): "%g", ("S", 6): "%f", ("a", 1): "%p",
    ("E", 1): "%a", ("E", 2): "%a", ("E", 3): "%a", ("E", 4): "%A", ("D", 3): "%j", ("e", 1): "%u", ("w", 2): "%V",
    ("x", 4): "%G",
}  # fmt: skip


def _joda_format(call: Call, kind: Type | None) -> str:
    """A Joda pattern as strftime's; `kind` None means the pattern is for parsing."""
    pattern = call.constant(1)
    out: list[str] = []
    for quoted, letters, other in _joda_tokens(pattern):
        if letters:
            symbol = _JODA.get((letters[0], len(letters)))
            if letters[0] in "zZ" and kind is not None:
                if kind.name != "timestamp with time zone":
                    raise call.fail(
                        "INVALID_FUNCTION_ARGUMENT",
                        "format_datetime for TIMESTAMP type, cannot use 'Z' nor 'z' in format, as this type does not "
                        "contain TZ information",
                    )
                if kind.zone == "UTC":
                    symbol = {"z": "UTC", "Z": "+0000", "ZZ": "+00:00"}.get(letters)
            if symbol is None:
                raise call.fail("NOT_SUPPORTED", f"the date pattern {letters} in '{pattern}'")
            out.append(symbol.replace("-", "") if kind is None else symbol)
        else:
            out.append((quoted or other).replace("%", "%%"))
    return "".join(out)


def _joda_tokens(pattern: str) -> list[tuple[str, str, str]]:
    found = []
    for match in re.finditer(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|(.)", pattern, re.DOTALL):
        quoted = match[1]
        if quoted is not None:
            found.append((quoted.replace("''", "'") if quoted else "'", "", ""))
        else:
            found.append(("", match[2] or "", match[4] or ""))
    return found


simple("to_milliseconds", [t.INTERVAL_DAY], t.BIGINT, "CAST(round(epoch({0}) * 1000) AS BIGINT)")


@function("from_iso8601_date", takes=(1,))
def _from_iso_date(call: Call) -> Expr:
    text = call.text(0)
    converted = f"TRY_CAST({text} AS DATE)"
    invalid = call.invalid(f"""'Invalid format: "' || {text} || '"'""", "DATE")
    refused = fail_sql("NOT_SUPPORTED", f"'from_iso8601_date of ' || {text}", "DATE")
    return Expr(
        f"CASE WHEN {text} IS NULL THEN NULL WHEN regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') "
        f"AND {converted} IS NOT NULL THEN {converted} "
        f"WHEN regexp_full_match({text}, '[0-9]{{4}}(-[0-9]{{2,3}}|-?W[0-9]{{2}}(-[1-7])?)?') THEN {refused} "
        f"ELSE {invalid} END",
        t.DATE,
    )


@function("from_iso8601_timestamp", takes=(1,))
def _from_iso_timestamp(call: Call) -> Expr:
    text = call.text(0)
    clock = "T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    pattern = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({clock}(Z|[+-]00:?00)?)?"
    # A type has one zone here, and Trino keeps the offset of each value.
    offset = f"-[0-9]{{2}}-[0-9]{{2}}({clock})[+-][0-9]{{2}}(:?[0-9]{{2}})?"
    other = f"[0-9]{{4}}(-[0-9]{{2}}|-?W[0-9]{{2}}|-[0-9]{{3}}|{offset})?"
    refused = fail_sql("NOT_SUPPORTED", f"'from_iso8601_timestamp of ' || {text}", "TIMESTAMPTZ")
    full = f"CASE WHEN contains({text}, 'T') THEN {text} ELSE {text} || 'T00:00:00' END"
    converted = f"timezone('UTC', t_round_ms(timezone('UTC', TRY_CAST({full} AS TIMESTAMPTZ))))"
    invalid = call.invalid(f"""'Invalid format: "' || {text} || '"'""", "TIMESTAMPTZ")
    return Expr(
        f"CASE WHEN {text} IS NULL THEN NULL WHEN regexp_full_match({text}, '{pattern}') "
        f"AND {converted} IS NOT NULL THEN {converted} WHEN regexp_full_match({text}, '{other}') THEN {refused} "
        f"ELSE {invalid} END",
        t.TIMESTAMP_TZ,
    )


@function("to_iso8601", takes=(1,))
def _to_iso(call: Call) -> Expr:
    value = _moment(call, 0)
    if value.type.name == "date":
        return Expr(f"CAST({value.sql} AS VARCHAR)", t.varchar(16))
    if value.type.precision != 3 or (value.type.name == "timestamp with time zone" and value.type.zone != "UTC"):
        raise call.fail("NOT_SUPPORTED", f"to_iso8601 of {value.type} in {value.type.zone}")
    suffix, length = ("Z", 32) if value.type.name == "timestamp with time zone" else ("", 26)
    return Expr(f"strftime({wall_clock(value)}, '%Y-%m-%dT%H:%M:%S.%g{suffix}')", t.varchar(length))

"""String, regular expression and binary functions (https://trino.io/docs/current/functions/string.html)."""

from __future__ import annotations

import re

from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.duck import fail_sql
from localaws.athena.functions.registry import WHITESPACE, Call, function, simple
from localaws.athena.syntax import text_literal


@function(
    "trim ltrim rtrim(char(x)) char(x)",
    "substr substring(char(x), bigint) char(x)",
    "substr substring(char(x), bigint, bigint) char(x)",
)
def _of_char(call: Call) -> str:
    raise call.fail("NOT_SUPPORTED", f"{call.name} of {call.args[0].type}")


# Of upper-case letters Java keeps a sharp s that stands alone; DuckDB has one for it.
_UPPER = "replace(upper(replace({0}, 'ß', chr(57344))), chr(57344), 'ß')"
simple("upper(char(x)) char(x)", _UPPER)
simple("upper(varchar(x)) varchar(x)", _UPPER)
simple("lower(char(x)) char(x)", "lower({0})")
simple("lower(varchar(x)) varchar(x)", "lower({0})")
for _name in ("trim", "ltrim", "rtrim"):
    simple(f"{_name}(varchar(x)) varchar(x)", f"{_name}({{0}}, {text_literal(WHITESPACE)})")
    simple(f"{_name}(varchar(x), varchar) varchar(x)", f"{_name}({{0}}, {{1}})")
simple("substr substring(varchar(x), bigint) varchar(x)", "t_substr({0}, {1})")
simple("substr substring(varchar(x), bigint, bigint) varchar(x)", "t_substr3({0}, {1}, {2})")
simple("strpos(varchar, varchar) bigint", "CAST(instr({0}, {1}) AS BIGINT)")
simple("starts_with(varchar, varchar) boolean", "starts_with({0}, {1})")
simple("ends_with(varchar, varchar) boolean", "ends_with({0}, {1})")
simple("replace(varchar(x), varchar) varchar(x)", "replace({0}, {1}, '')")
simple("translate(varchar, varchar, varchar) varchar", "translate({0}, {1}, {2})")
simple("split_part(varchar(x), varchar, bigint) varchar(x)", "t_split_part({0}, {1}, {2})")
simple("to_utf8(varchar) varbinary", "encode({0})")
simple("from_utf8(varbinary) varchar", "t_from_utf8({0})")
simple("to_hex(varbinary) varchar", "hex({0})")
simple("to_base64(varbinary) varchar", "base64({0})")
simple("md5(varbinary) varbinary", "unhex(md5({0}))")
simple("sha1(varbinary) varbinary", "unhex(sha1({0}))")
simple("sha256(varbinary) varbinary", "unhex(sha256({0}))")
simple("reverse(array(E)) array(E)", "list_reverse({0})")
simple("reverse(varbinary) varbinary", "unhex(array_to_string(list_reverse(regexp_extract_all(hex({0}), '..')), ''))")
simple("reverse(varchar(x)) varchar(x)", "reverse({0})")
simple("length(varbinary) bigint", "CAST(octet_length({0}) AS BIGINT)")
simple("length(varchar) bigint", "CAST(length({0}) AS BIGINT)")


@function("replace(varchar(x), varchar, varchar(z)) varchar")
def _replace(call: Call) -> Expr:
    text, found, replacement = call.sql
    # Nothing is found before each character, and at the end.
    between = f"array_to_string(list_transform(string_split({text}, ''), lambda t_item: t_item || {replacement}), '')"
    sql = (
        f"CASE WHEN {found} <> '' THEN replace({text}, {found}, {replacement}) "
        f"WHEN {text} = '' AND {found} = '' THEN {replacement} WHEN {found} = '' THEN {replacement} || {between} END"
    )
    if not (call.bound["x"] and call.bound["z"]):
        return Expr(sql, t.VARCHAR)
    (length,), (added,) = call.bound["x"], call.bound["z"]
    return Expr(sql, t.varchar(length + added * (length + 1)))


@function("chr(bigint) varchar(1)")
def _chr(call: Call) -> str:
    number = call.sql[0]
    failing = fail_sql("INVALID_FUNCTION_ARGUMENT", f"'Not a valid Unicode code point: ' || {number}", "VARCHAR")
    return (
        f"CASE WHEN {number} BETWEEN 0 AND 1114111 AND {number} NOT BETWEEN 55296 AND 57343 "
        f"THEN chr(CAST({number} AS INTEGER)) WHEN {number} IS NOT NULL THEN {failing} END"
    )


@function("split(varchar(x), varchar) array(varchar(x))", "split(varchar(x), varchar, bigint) array(varchar(x))")
def _split(call: Call) -> str:
    text, delimiter = call.sql[:2]
    pieces = f"string_split({text}, {delimiter})"
    guard = f"WHEN {delimiter} = '' THEN {call.invalid('The delimiter may not be the empty string')} "
    if len(call.args) == 3:
        limit = call.sql[2]
        rest = f"array_to_string(({pieces})[{limit}:], {delimiter})"
        guard = f"WHEN {limit} <= 0 THEN {call.invalid('Limit must be positive')} {guard}"
        guard += f"WHEN len({pieces}) > {limit} THEN list_append(({pieces})[1:{limit} - 1], {rest}) "
    return f"CASE {guard}ELSE {pieces} END"


@function("normalize(varchar) varchar")
def _normalize(call: Call) -> str:
    form = "NFC"
    if len(call.raw) == 2:
        form = str(call.raw[1].name).upper()
        if form not in ("NFC", "NFD", "NFKC", "NFKD"):
            raise call.fail("SYNTAX_ERROR", f"mismatched input '{form}'. Expecting: 'NFC', 'NFD', 'NFKC', 'NFKD'")
    return f"t_normalize({call.sql[0]}, '{form}')"


@function("length(char(x)) bigint")
def _length_of_char(call: Call) -> str:
    return f"CASE WHEN {call.sql[0]} IS NOT NULL THEN {call.args[0].type.args[0]} END"


@function("lpad rpad(varchar, bigint, varchar) varchar")
def _pad(call: Call) -> str:
    text, size, padding = call.sql
    return (
        f"CASE WHEN {padding} = '' THEN {call.invalid('Padding string must not be empty')} "
        f"WHEN {size} < 0 THEN {call.invalid('Target length must be in the range [0..2147483647]')} "
        f"ELSE {call.name}({text}, CAST({size} AS INTEGER), {padding}) END"
    )


@function("concat")
def _concat(call: Call) -> Expr:
    if len(call.args) < 2:
        raise call.fail("FUNCTION_NOT_FOUND", "There must be two or more concatenation arguments")
    if all(value.type.name == "char" for value in call.args):
        raise call.fail("NOT_SUPPORTED", "concat of char")
    result = call.args[0]
    for value in call.args[1:]:
        result = call.translator.concatenate(result, value, call.node)
    return result


@function("concat_ws")
def _concat_ws(call: Call) -> Expr:
    if len(call.args) < 2:
        raise call.fail("INVALID_FUNCTION_ARGUMENT", "There must be two or more arguments")
    separator = call.text(0)
    if len(call.args) == 2 and call.args[1].type.name == "array":
        joined = f"coalesce(array_to_string({call.sql[1]}, {separator}), '')"
        sql = f"CASE WHEN {call.sql[1]} IS NOT NULL AND {separator} IS NOT NULL THEN {joined} END"
        return Expr(sql, t.VARCHAR)
    parts = ", ".join(call.text(i) for i in range(1, len(call.args)))
    joined = f"coalesce(array_to_string([{parts}], {separator}), '')"
    return Expr(f"CASE WHEN {separator} IS NOT NULL THEN {joined} END", t.VARCHAR)


def _pattern(call: Call, index: int = 1) -> str:
    """The pattern as SQL. What only one of RE2 and Java accepts, or may read in another way, is refused."""
    pattern = call.constant(index)
    if re.search(r"\(\?[=!<]|\\[1-9zZGkpPQ]|[*+?}]\+|&&|\[\[:", pattern):
        raise call.fail("NOT_SUPPORTED", f"the regular expression {pattern}: look-around, back references and the like")
    try:
        re.compile(pattern)
    except re.error as error:
        code = "NOT_SUPPORTED" if "\\p" in pattern.lower() else "INVALID_FUNCTION_ARGUMENT"
        raise call.fail(code, f"{error} in pattern {pattern}") from error
    return text_literal(pattern)


@function("regexp_like(varchar, varchar) boolean")
def _regexp_like(call: Call) -> str:
    return f"regexp_matches({call.sql[0]}, {_pattern(call)})"


@function("regexp_extract(varchar(x), varchar) varchar(x)", "regexp_extract(varchar(x), varchar, bigint) varchar(x)")
def _regexp_extract(call: Call) -> str:
    number: object = 0
    if len(call.args) == 3:
        number = call.args[2].literal
        groups = re.compile(call.constant(1)).groups
        if not isinstance(number, int):
            raise call.fail("NOT_SUPPORTED", "regexp_extract with a group that is not a literal")
        if not 0 <= number <= groups:
            raise call.fail("INVALID_FUNCTION_ARGUMENT", f"Pattern has {groups} groups. Cannot access group {number}")
    return f"t_regexp_group({call.sql[0]}, {_pattern(call)}, {number})"


@function("regexp_extract_all(varchar(x), varchar) array(varchar(x))")
def _regexp_extract_all(call: Call) -> str:
    return f"regexp_extract_all({call.sql[0]}, {_pattern(call)})"


@function("regexp_count(varchar, varchar) bigint")
def _regexp_count(call: Call) -> str:
    return f"CAST(len(regexp_extract_all({call.sql[0]}, {_pattern(call)})) AS BIGINT)"


@function("regexp_split(varchar(x), varchar) array(varchar(x))")
def _regexp_split(call: Call) -> str:
    return f"string_split_regex({call.sql[0]}, {_pattern(call)})"


@function("regexp_replace(varchar(x), varchar) varchar(x)", "regexp_replace(varchar(x), varchar, varchar) varchar(x)")
def _regexp_replace(call: Call) -> Expr:
    replacement = _replacement(call, call.constant(2)) if len(call.args) == 3 else ""
    kind = call.result
    if len(call.args) == 3 and kind.args:
        length = kind.args[0]
        added = len(call.constant(2))
        kind = t.varchar(length + max(added * length // 2, added) * (length + 1))
    return Expr(f"regexp_replace({call.sql[0]}, {_pattern(call)}, {text_literal(replacement)}, 'g')", kind)


def _replacement(call: Call, text: str) -> str:
    """Java's `$1` and `\\$` as RE2's `\\1` and `$`."""
    out, at = [], 0
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "\\" and following:
            out.append("\\\\" if following == "\\" else following)
            at += 2
        elif char == "$" and following.isdigit():
            out.append("\\" + following)
            at += 2
        elif char == "$":
            raise call.fail("NOT_SUPPORTED", f"the replacement {text}: only $0 to $9")
        else:
            out.append(char)
            at += 1
    return "".join(out)


@function("format")
def _format(call: Call) -> Expr:
    """format() for %s, %d and %% alone: Java's other conversions are not imitated."""
    if len(call.args) < 2:
        raise call.fail("SYNTAX_ERROR", "The 'format' function must have at least two arguments")
    pattern = call.constant(0)
    parts: list[str] = []
    used = 0
    for piece in re.split(r"(%[sd%])", pattern):
        if piece in ("%s", "%d"):
            used += 1
            if used >= len(call.args):
                raise call.fail(
                    "INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {pattern} (Format specifier '%s')"
                )
            value = call.args[used]
            if piece == "%d" and not value.type.is_integer:
                raise call.fail("NOT_SUPPORTED", f"format %d of {value.type}")
            text = call.translator.cast(value, t.VARCHAR, call.node)
            if value.type.name in ("double", "real"):
                # As Java prints it, which is not how a CAST does.
                text = Expr(f"t_java_{value.type.name}({value.sql})", t.VARCHAR)
            elif value.type.name not in ("varchar", "char", "boolean", "decimal", "date") and not value.type.is_integer:
                raise call.fail("NOT_SUPPORTED", f"format %s of {value.type}")
            parts.append(f"coalesce({text.sql}, 'null')")
        elif piece == "%%":
            parts.append("'%'")
        elif "%" in piece:
            raise call.fail("NOT_SUPPORTED", f"the format string {pattern}: only %s, %d and %%")
        elif piece:
            parts.append(text_literal(piece))
    return Expr(f"({' || '.join(parts) or chr(39) * 2})", t.VARCHAR)

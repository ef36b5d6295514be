"""String, regular expression, URL and binary functions (https://trino.io/docs/current/functions/string.html)."""

from __future__ import annotations

import re

from localaws.athena import types as t
from localaws.athena.casts import Expr
from localaws.athena.functions.registry import WHITESPACE, Call, function, same_length, simple
from localaws.athena.syntax import text_literal
from localaws.athena.types import Type, array

_V, _B, _BIN = t.VARCHAR, t.BIGINT, t.VARBINARY

# Of upper-case letters Java keeps a sharp s that stands alone; DuckDB has one for it.
_UPPER = "replace(upper(replace({0}, 'ß', chr(57344))), chr(57344), 'ß')"
for _name, _sql in {"upper": _UPPER, "lower": "lower({0})"}.items():
    simple(_name, [_V], lambda kinds: kinds[0] if kinds[0].name == "char" else same_length(kinds), _sql)
for _name in ("trim", "ltrim", "rtrim"):
    simple(_name, [_V], same_length, f"{_name}({{0}}, {text_literal(WHITESPACE)})")
for _name in ("substr", "substring"):
    simple(_name, [_V, _B], same_length, "t_substr({0}, {1})")
    simple(_name, [_V, _B, _B], same_length, "t_substr3({0}, {1}, {2})")
simple("strpos", [_V, _V], _B, "CAST(instr({0}, {1}) AS BIGINT)")
simple("starts_with", [_V, _V], t.BOOLEAN, "starts_with({0}, {1})")
simple("ends_with", [_V, _V], t.BOOLEAN, "ends_with({0}, {1})")
simple("replace", [_V, _V], same_length, "replace({0}, {1}, '')")
# Nothing is found before each character, and at the end.
_BETWEEN = "array_to_string(list_transform(string_split({0}, ''), lambda t_item: t_item || {2}), '')"
_REPLACE = (
    f"CASE WHEN {{1}} <> '' THEN replace({{0}}, {{1}}, {{2}}) WHEN {{0}} = '' AND {{1}} = '' THEN {{2}} "
    f"WHEN {{1}} = '' THEN {{2}} || {_BETWEEN} END"
)
simple("replace", [_V, _V, _V], lambda kinds: _replaced(kinds), _REPLACE)
simple("translate", [_V, _V, _V], _V, "translate({0}, {1}, {2})")
simple("levenshtein_distance", [_V, _V], _B, "t_levenshtein({0}, {1})")
_NO_CHARACTER = "t_fail('INVALID_FUNCTION_ARGUMENT: Not a valid Unicode code point: ' || {0})"
_IS_CHARACTER = "{0} BETWEEN 0 AND 1114111 AND {0} NOT BETWEEN 55296 AND 57343"
simple(
    "chr", [_B], t.varchar(1),
    f"CASE WHEN {_IS_CHARACTER} THEN chr(CAST({{0}} AS INTEGER)) WHEN {{0}} IS NOT NULL THEN {_NO_CHARACTER} END",
)  # fmt: skip
simple("split_part", [_V, _V, _B], same_length, "t_split_part({0}, {1}, {2})")
simple("to_utf8", [_V], _BIN, "encode({0})")
simple("from_utf8", [_BIN], _V, "t_from_utf8({0})")
simple("to_hex", [_BIN], _V, "hex({0})")
simple("from_hex", [_V], _BIN, "t_from_hex({0})")
simple("to_base64", [_BIN], _V, "base64({0})")
simple("from_base64", [_V], _BIN, "t_from_base64({0})")
simple("md5", [_BIN], _BIN, "unhex(md5({0}))")
simple("sha1", [_BIN], _BIN, "unhex(sha1({0}))")
simple("sha256", [_BIN], _BIN, "unhex(sha256({0}))")
simple("url_decode", [_V], same_length, "t_url_decode({0})")
simple("url_encode", [_V], lambda kinds: _times(kinds, 12), "t_url_encode({0})")
simple("url_extract_parameter", [_V, _V], same_length, "t_url_parameter({0}, {1})")
for _name in ("host", "path", "protocol", "query", "fragment"):
    simple(f"url_extract_{_name}", [_V], same_length, f"t_url_{_name}({{0}})")
simple("url_extract_port", [_V], _B, "t_url_port({0})")


def _times(kinds: list[Type], factor: int) -> Type:
    return t.varchar(kinds[0].args[0] * factor) if kinds[0].is_text and kinds[0].args else _V


def _replaced(kinds: list[Type]) -> Type:
    """varchar(x + z * (x + 1)) of varchar(x) and a replacement varchar(z), when both have lengths."""
    text, _, replacement = kinds
    if not (text.args and replacement.args):
        return _V
    return t.varchar(text.args[0] + replacement.args[0] * (text.args[0] + 1))


@function("reverse", takes=(1,))
def _reverse(call: Call) -> Expr:
    value = call.args[0]
    if value.type.name == "array":
        return Expr(f"list_reverse({value.sql})", value.type)
    if value.type == _BIN:
        return Expr(f"unhex(array_to_string(list_reverse(regexp_extract_all(hex({value.sql}), '..')), ''))", _BIN)
    return Expr(f"reverse({call.text(0)})", same_length([value.type]))


@function("codepoint", takes=(1,))
def _codepoint(call: Call) -> Expr:
    value = call.args[0]
    if not value.type.is_text or value.type.args[:1] not in ((0,), (1,)):
        raise call.fail("FUNCTION_NOT_FOUND", f"Unexpected parameters ({value.type}) for function codepoint")
    single = call.invalid("'Input string must be a single character string'", "INTEGER")
    text = call.text(0)
    return Expr(f"CASE WHEN {text} = '' THEN {single} ELSE CAST(unicode({text}) AS INTEGER) END", t.INTEGER)


@function("split", takes=(2, 3))
def _split(call: Call) -> Expr:
    kind = array(same_length([call.args[0].type]))
    text, delimiter = call.text(0), call.text(1)
    empty = call.invalid("'The delimiter may not be the empty string'", "VARCHAR[]")
    pieces = f"string_split({text}, {delimiter})"
    guard = f"WHEN {delimiter} = '' THEN {empty} "
    if len(call.args) == 3:
        limit = call.integer(2)
        positive = call.invalid("'Limit must be positive'", "VARCHAR[]")
        rest = f"array_to_string(({pieces})[{limit}:], {delimiter})"
        guard = f"WHEN {limit} <= 0 THEN {positive} {guard}WHEN len({pieces}) > {limit} THEN "
        guard += f"list_append(({pieces})[1:{limit} - 1], {rest}) "
    return Expr(f"CASE {guard}ELSE {pieces} END", kind)


@function("normalize")
def _normalize(call: Call) -> Expr:
    form = "NFC"
    if len(call.raw) == 2:
        form = str(call.raw[1].name).upper()
        if form not in ("NFC", "NFD", "NFKC", "NFKD"):
            raise call.fail("SYNTAX_ERROR", f"mismatched input '{form}'. Expecting: 'NFC', 'NFD', 'NFKC', 'NFKD'")
    return Expr(f"t_normalize({call.text(0)}, '{form}')", _V)


@function("length", takes=(1,))
def _length(call: Call) -> Expr:
    kind = call.args[0].type
    if kind.name == "char":
        return Expr(f"CASE WHEN {call.args[0].sql} IS NOT NULL THEN {kind.args[0]} END", _B)
    if kind.name == "varbinary":
        return Expr(f"CAST(octet_length({call.args[0].sql}) AS BIGINT)", _B)
    return Expr(f"CAST(length({call.text(0)}) AS BIGINT)", _B)


@function("lpad", "rpad", takes=(3,))
def _pad(call: Call) -> Expr:
    size, padding = call.integer(1), call.text(2)
    invalid = call.invalid("'Padding string must not be empty'", "VARCHAR")
    negative = call.invalid("'Target length must be in the range [0..2147483647]'", "VARCHAR")
    return Expr(
        f"CASE WHEN {padding} = '' THEN {invalid} WHEN {size} < 0 THEN {negative} "
        f"ELSE {call.name}({call.text(0)}, CAST({size} AS INTEGER), {padding}) END",
        _V,
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
        joined = f"coalesce(array_to_string({call.args[1].sql}, {separator}), '')"
        return Expr(f"CASE WHEN {call.args[1].sql} IS NOT NULL AND {separator} IS NOT NULL THEN {joined} END", _V)
    parts = ", ".join(call.text(i) for i in range(1, len(call.args)))
    joined = f"coalesce(array_to_string([{parts}], {separator}), '')"
    return Expr(f"CASE WHEN {separator} IS NOT NULL THEN {joined} END", _V)


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


@function("regexp_like", takes=(2,))
def _regexp_like(call: Call) -> Expr:
    return Expr(f"regexp_matches({call.text(0)}, {_pattern(call)})", t.BOOLEAN)


@function("regexp_extract", takes=(2, 3))
def _regexp_extract(call: Call) -> Expr:
    group = "0"
    if len(call.args) == 3:
        number = call.args[2].literal
        groups = re.compile(call.constant(1)).groups
        if not isinstance(number, int):
            raise call.fail("NOT_SUPPORTED", "regexp_extract with a group that is not a literal")
        if not 0 <= number <= groups:
            raise call.fail("INVALID_FUNCTION_ARGUMENT", f"Pattern has {groups} groups. Cannot access group {number}")
        group = str(number)
    kind = same_length([call.args[0].type])
    return Expr(f"t_regexp_group({call.text(0)}, {_pattern(call)}, {group})", kind)


@function("regexp_extract_all", takes=(2,))
def _regexp_extract_all(call: Call) -> Expr:
    kind = array(same_length([call.args[0].type]))
    return Expr(f"regexp_extract_all({call.text(0)}, {_pattern(call)})", kind)


@function("regexp_count", takes=(2,))
def _regexp_count(call: Call) -> Expr:
    return Expr(f"CAST(len(regexp_extract_all({call.text(0)}, {_pattern(call)})) AS BIGINT)", _B)


@function("regexp_split", takes=(2,))
def _regexp_split(call: Call) -> Expr:
    kind = array(same_length([call.args[0].type]))
    return Expr(f"string_split_regex({call.text(0)}, {_pattern(call)})", kind)


@function("regexp_replace", takes=(2, 3))
def _regexp_replace(call: Call) -> Expr:
    replacement = _replacement(call, call.constant(2)) if len(call.args) == 3 else ""
    kind = same_length([call.args[0].type])
    if len(call.args) == 3 and kind.args:
        length = kind.args[0]
        added = len(call.constant(2))
        kind = t.varchar(length + max(added * length // 2, added) * (length + 1))
    return Expr(f"regexp_replace({call.text(0)}, {_pattern(call)}, {text_literal(replacement)}, 'g')", kind)


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
    return Expr(f"({' || '.join(parts) or chr(39) * 2})", _V)

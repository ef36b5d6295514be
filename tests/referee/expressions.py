"""Random expressions of known types over random rows: what nobody thought of writing into the corpus."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
from collections.abc import Iterator
from decimal import Decimal as D
from typing import Any

import pyarrow as pa

from tests.referee.tables import Maker

TABLE = "random_rows"
_ROWS = 12

# Kind of a value: the column that has it, Hive's type, Arrow's.
_COLUMNS: dict[str, tuple[str, str, pa.DataType]] = {
    "boolean": ("b", "boolean", pa.bool_()), "small": ("si", "smallint", pa.int16()), "integer": ("i", "int",
        pa.int32()),
    "bigint": ("l", "bigint", pa.int64()), "double": ("d", "double", pa.float64()), "real": ("r", "float",
        pa.float32()),
    "decimal": ("m", "decimal(12,3)", pa.decimal128(12, 3)), "text": ("t", "string", pa.string()),
    "short": ("v", "varchar(4)", pa.string()), "char": ("c", "char(4)", pa.string()), "date": ("u", "date",
        pa.date32()),
    "moment": ("s", "timestamp", pa.timestamp("ms")), "integers": ("a", "array<int>", pa.list_(pa.int32())),
    "doubles": ("w", "array<double>", pa.list_(pa.float64())), "texts": ("x", "array<string>", pa.list_(pa.string())),
    "map": ("k", "map<string,int>", pa.map_(pa.string(), pa.int32())), "document": ("j", "string", pa.string()),
}  # fmt: skip

_TEXTS = ["", "a", "ab", "abc", " a ", "A b", "é", "straße", "日本", "a,b,,c", "12", "-5", "1.5", "x1y22", "true",
    "2024-03-15",
          "%", "_", "a_b", "😀z", "NaN", "null", "0", "aaa", "İ"]  # fmt: skip
_NUMBERS = [0.0, -0.0, 1.0, -1.5, 2.5, 0.1, 1e10, -1e-5, 1e300, 123456.789, math.nan, math.inf, -math.inf, 3.0, 0.5]
_DOCUMENTS = ['{"a": 1, "b": [1, 2.50, "x"]}', '{"a": {"b": null}, "c": "é"}', "[1, 2, 3]", '"text"', "12", "null",
    "no json",
              '{"a": 1e2, "c": true}', "[]", "{}", '{"b": [[1], {"c": 0.10}]}']  # fmt: skip


def _value(kind: str, rng: random.Random) -> Any:
    if rng.random() < 0.15:
        return None
    whole = rng.choice([0, 1, -1, 2, 3, 7, -12, 100, rng.randint(-1000, 1000)])
    if kind in ("small", "integer", "bigint"):
        limit = {"small": 2**15, "integer": 2**31, "bigint": 2**63}[kind]
        return rng.choice([whole, whole, whole, whole, limit - 1, -limit])
    if kind == "decimal":
        return rng.choice([D(whole), D(rng.randint(-(10**6), 10**6)) / 1000, D("999999999.999"), D("0.005"), D("-0.5")])
    if kind == "date":
        return rng.choice([dt.date(2024, 2, 29), dt.date(1969, 12, 31), dt.date(2024, 12, 30),
                           dt.date(1990, 1, 1) + dt.timedelta(days=rng.randint(0, 20000))])  # fmt: skip
    if kind == "moment":
        return rng.choice([dt.datetime(2024, 3, 31, 1, 30), dt.datetime(1969, 12, 31, 23, 59, 59, 999000),
                           dt.datetime(1990, 1, 1) + dt.timedelta(milliseconds=rng.randint(0, 10**12))])  # fmt: skip
    made: dict[str, Any] = {
        "boolean": lambda: rng.random() < 0.5,
        "double": lambda: rng.choice(_NUMBERS),
        "real": lambda: rng.choice([1.5, -2.25, 0.1, math.nan, math.inf, 16777216.0, 0.0]),
        "text": lambda: rng.choice(_TEXTS),
        "short": lambda: rng.choice(_TEXTS)[:4],
        "char": lambda: rng.choice(_TEXTS)[:4].rstrip(),
        "integers": lambda: [rng.choice([None, 0, 1, 1, 2, -3, 7]) for _ in range(rng.randint(0, 4))],
        "doubles": lambda: [rng.choice([None, *_NUMBERS]) for _ in range(rng.randint(0, 4))],
        "texts": lambda: [rng.choice([None, "a", "b", "", "é"]) for _ in range(rng.randint(0, 4))],
        "map": lambda: [
            (key, rng.choice([None, 1, 2, -3])) for key in rng.sample(["a", "b", "c", ""], rng.randint(0, 3))
        ],
        "document": lambda: rng.choice(_DOCUMENTS),
    }
    return made[kind]()


def make_rows(maker: Maker, seed: str, name: str = TABLE) -> None:
    """A table of random rows."""
    rng = random.Random(f"rows {seed}")
    table: dict[str, Any] = {"id": pa.array(range(_ROWS), pa.int32())}
    for kind, (column, _, arrow) in _COLUMNS.items():
        table[column] = pa.array([_value(kind, rng) for _ in range(_ROWS)], arrow)
    maker.parquet(f"{name}/1.parquet", pa.table(table))
    maker.table(name, ", ".join(["id int", *(f"{column} {hive}" for column, hive, _ in _COLUMNS.values())]))


# {kind} stands for an expression of the kind, {=kind} for a constant of it, {.kind} for the column. The first of nullif
# and BETWEEN is a column: of another, Trino 483 says in a TRY that Bind is no Lambda. No char becomes a varchar: in
# that Trino's versions differ.
_RULES: dict[str, list[str]] = {
    "boolean": [
        "({integer} = {integer})", "({integer} < {bigint})", "({decimal} >= {integer})", "({double} > {double})",
        "({double} = {double})", "({double} <> {real})", "({text} < {text})", "({char} = {char})",
            "({char} <= {char})",
        "({date} < {moment})", "({moment} >= {moment})", "({boolean} AND {boolean})", "({boolean} OR {boolean})",
        "(NOT {boolean})", "({integer} IS NULL)", "({text} IS NOT NULL)", "({.bigint} BETWEEN {small} AND {bigint})",
        "({.double} BETWEEN {double} AND {integer})", "({integer} IN ({=integer}, {=integer}, 7))",
        "({text} IN ({=text}, {=text}))", "({double} IN ({=double}, {=double}))", "({double} NOT IN ({=double}, 1))",
        "({text} LIKE {=pattern})", "({text} LIKE {text})", "({integer} IS DISTINCT FROM {integer})",
        "({double} IS NOT DISTINCT FROM {double})", "starts_with({text}, {text})", "contains({integers}, {integer})",
        "contains({doubles}, {double})", "any_match({integers}, y -> y > {=integer})",
            "all_match({integers}, y -> y < 3)",
        "none_match({doubles}, y -> y > 0)", "is_nan({double})", "is_finite({double})", "regexp_like({text}, {=regex})",
        "CAST({text} AS boolean)", "CAST({integer} AS boolean)", "CAST({double} AS boolean)",
            "({integers} = {integers})",
        "({integers} < {integers})", "({map} = {map})", "({integers} IS DISTINCT FROM {integers})",
        "(ROW({integer}, {text}) = ROW({integer}, {text}))", "({boolean} = {boolean})",
            "nullif({.boolean}, {boolean})", "(NOT {boolean})",
        "({date} = {date})", "({doubles} = {doubles})",
    ],
    "small": ["CAST({integer} AS smallint)", "(- {small})", "abs({small})", "({small} + {small})",
        "CAST({decimal} AS tinyint)",
              "round({small}, -1)"],
    "integer": [
        "({integer} + {integer})", "({integer} - {small})", "({integer} * {integer})", "({integer} / {integer})",
        "({integer} % {integer})", "(- {integer})", "abs({integer})", "sign({integer})", "mod({integer}, {=divisor})",
        "CAST({text} AS integer)", "CAST({decimal} AS integer)", "CAST({double} AS integer)",
            "CAST({boolean} AS integer)",
        "if({boolean}, {integer}, {integer})", "coalesce({integer}, {small}, {integer})",
            "nullif({.integer}, {integer})",
        "CASE WHEN {boolean} THEN {integer} WHEN {boolean} THEN {small} END", "greatest({integer}, {integer})",
        "CASE {text} WHEN {text} THEN {integer} ELSE {=integer} END", "element_at({integers}, {integer})",
            "{integers}[{=integer}]",
        "array_max({integers})", "array_min({integers})", "element_at({map}, {text})", "{map}[{=text}]",
        "round({integer}, {=places})", "reduce({integers}, 0, (p, q) -> p + coalesce(q, 1), p -> p)",
    ],
    "bigint": [
        "({bigint} + {integer})", "({bigint} - {bigint})", "({bigint} * {integer})", "({bigint} / {integer})",
        "({bigint} % {small})", "abs({bigint})", "CAST({double} AS bigint)", "CAST({text} AS bigint)", "length({text})",
        "length({char})", "cardinality({integers})", "cardinality({map})", "strpos({text}, {text})", "year({date})",
            "month({moment})",
        "day({date})", "week({date})", "day_of_week({date})", "day_of_year({moment})", "yow({date})", "hour({moment})",
        "millisecond({moment})", "quarter({date})", "date_diff({=part}, {date}, {date})",
            "date_diff({=unit}, {moment}, {moment})",
        "bitwise_and({integer}, {bigint})", "bitwise_xor({bigint}, {integer})",
        "array_position({integers}, {integer})", "json_array_length({document})",
        "greatest({bigint}, {integer}, {small})", "least({bigint}, {integer})", "CAST({decimal} AS bigint)",
        "regexp_count({text}, {=regex})", "width_bucket({double}, 0, 10, 5)", "bitwise_left_shift({bigint}, {=places})",
        "EXTRACT(DOW FROM {date})", "nullif({.bigint}, {bigint})", "floor({bigint})",
    ],
    "double": [
        "({double} + {double})", "({double} - {integer})", "({double} * {decimal})", "({double} / {integer})",
        "({integer} / {double})", "({double} % {double})", "(- {double})", "abs({double})", "sign({double})",
            "floor({double})",
        "ceil({double})", "round({double})", "round({double}, {=places})", "truncate({double})",
            "CAST({integer} AS double)",
        "CAST({decimal} AS double)", "CAST({text} AS double)", "CAST({real} AS double)", "greatest({double}, {double})",
        "least({double}, {double}, {double})", "coalesce({double}, {integer})", "if({boolean}, {double}, {decimal})",
        "array_max({doubles})", "array_min({doubles})", "element_at({doubles}, {=integer})", "to_unixtime({moment})",
        "nullif({.double}, {double})", "({double} + {real})",
    ],
    "curve": ["sqrt({double})", "power({integer}, 3)", "ln({double})", "exp({small})", "log10({double})",
        "sin({integer})",
              "cbrt({double})", "atan2({integer}, {integer})"],
    "real": ["CAST({double} AS real)", "CAST({integer} AS real)", "({real} * {integer})", "({real} - {real})",
        "abs({real})",
             "CAST({text} AS real)", "round({real})", "floor({real})", "greatest({real}, {real})"],
    "decimal": [
        "({decimal} + {decimal})", "({decimal} - {integer})", "CAST({decimal} * {decimal} AS decimal(20,4))",
        "({decimal} % {decimal})", "(- {decimal})", "abs({decimal})", "round({decimal})", "round({decimal}, 1)",
            "floor({decimal})",
        "ceil({decimal})", "truncate({decimal})", "CAST({integer} AS decimal(10,2))", "CAST({decimal} AS decimal(8,1))",
        "CAST({text} AS decimal(10,2))", "CAST({double} AS decimal(10,2))", "coalesce({decimal}, {integer})",
        "greatest({decimal}, {integer})", "if({boolean}, {decimal}, {small})", "CAST({boolean} AS decimal(3,1))",
            "sign({decimal})",
    ],
    "text": [
        "({text} || {text})", "({short} || {text})", "concat({text}, {=text}, {short})", "upper({text})",
            "lower({text})",
        "reverse({text})", "trim({text})", "ltrim({text})", "rtrim({char})", "substr({text}, {=place})",
        "substr({text}, {=place}, {=place})", "replace({text}, {=text}, {=text})", "replace({text}, {text})",
        "lpad({text}, {=size}, {=letter})", "rpad({text}, {=size}, {text})", "split_part({text}, {=letter}, {=size})",
        "CAST({integer} AS varchar)", "CAST({double} AS varchar)", "CAST({real} AS varchar)",
            "CAST({decimal} AS varchar)",
        "CAST({boolean} AS varchar)", "CAST({date} AS varchar)", "CAST({moment} AS varchar)",
            "CAST({integer} AS varchar(3))",
        "CAST({text} AS varchar(2))", "coalesce({text}, {short})",
            "if({boolean}, {text}, {short})",
        "array_join({integers}, ',')", "array_join({texts}, '-', 'null')", "array_join({doubles}, ';')",
            "element_at({texts}, {=integer})",
        "date_format({moment}, '%Y-%m-%d %H:%i:%s')", "date_format({date}, {=format})",
            "json_extract_scalar({document}, {=path})",
        "regexp_extract({text}, {=regex})", "regexp_replace({text}, {=regex}, {=text})", "to_hex(to_utf8({text}))",
        "concat_ws(',', {text}, {short}, {text})", "concat_ws('-', {texts})",
            "translate({text}, 'ab', 'x')",
        "json_format(json_parse({document}))", "format('%s:%s', {text}, {integer})", "chr({small})",
        "greatest({text}, {text})", "array_max({texts})", "CAST(json_extract({document}, {=path}) AS varchar)",
    ],
    "short": ["CAST({text} AS varchar(4))", "upper({short})", "substr({short}, 2)", "CAST({integer} AS varchar(4))",
              "coalesce({short}, CAST({text} AS varchar(4)))"],
    "char": ["CAST({text} AS char(4))", "CAST({short} AS char(4))", "coalesce({char}, {char})"],
    "date": [
        "date_add({=part}, {=integer}, {date})", "date_trunc({=part}, {date})", "({date} + INTERVAL '1' DAY)",
        "({date} - INTERVAL '2' MONTH)", "CAST({moment} AS date)", "CAST({text} AS date)", "last_day_of_month({date})",
        "coalesce({date}, DATE '2024-01-01')", "greatest({date}, {date})", "date({moment})",
            "if({boolean}, {date}, {date})",
    ],
    "moment": [
        "date_add({=unit}, {=integer}, {moment})", "date_trunc({=unit}, {moment})", "({moment} + INTERVAL '90' MINUTE)",
        "({moment} - INTERVAL '1' MONTH)", "CAST({date} AS timestamp)", "CAST({text} AS timestamp)",
            "least({moment}, {date})",
        "CAST({moment} AS timestamp(0))", "coalesce({moment}, {date})", "date_parse({text}, '%Y-%m-%d')",
    ],
    "integers": [
        "array_sort({integers})", "array_distinct({integers})", "array_remove({integers}, {integer})",
        "slice({integers}, {=place}, {=size})", "({integers} || {integers})", "({integers} || {integer})",
        "transform({integers}, y -> y + {=integer})", "filter({integers}, y -> y > {=integer})",
            "ARRAY[{integer}, {integer}]",
        "reverse({integers})", "array_union({integers}, {integers})", "array_intersect({integers}, {integers})",
        "array_except({integers}, {integers})", "map_values({map})", "repeat({integer}, {=size})",
        "coalesce({integers}, ARRAY[{=integer}])", "flatten(ARRAY[{integers}, {integers}])",
        "array_sort({integers})", "transform({integers}, y -> y * {small})",
    ],
    "doubles": ["array_sort({doubles})", "array_distinct({doubles})", "transform({doubles}, y -> y + 1)",
        "ARRAY[{double}, {integer}]",
                "filter({doubles}, y -> y > 0)", "array_remove({doubles}, {double})"],
    "texts": ["split({text}, {=letter})", "map_keys({map})", "transform({texts}, y -> upper(y))", "array_sort({texts})",
              "regexp_split({text}, {=regex})", "regexp_extract_all({text}, {=regex})", "array_distinct({texts})",
              "split({text}, ',', 2)", "CAST({integers} AS array(varchar))", "array_union({texts}, {texts})",
                  "ARRAY[{text}, {short}]"],
    "map": ["map_filter({map}, (p, q) -> q > {=integer})", "transform_values({map}, (p, q) -> q + 1)",
        "map_concat({map}, {map})",
            "MAP(ARRAY[{=text}, {text}], ARRAY[{integer}, {integer}])", "if({boolean}, {map}, {map})",
            "transform_keys({map}, (p, q) -> p || 'x')", "CAST(json_parse({document}) AS map(varchar, integer))"],
    "other": ["map_entries({map})", "ROW({integer}, {text}, {double})", "zip({integers}, {texts})",
        "json_extract({document}, {=path})",
              "json_parse({document})", "CAST({integers} AS json)", "CAST({map} AS json)", "CAST({text} AS json)",
              "sequence({small}, {=integer})", "({date} - {date})", "({moment} - {moment})", "from_unixtime({integer})",
              "(({moment}) AT TIME ZONE 'Europe/Zurich')", "to_utf8({text})", "md5(to_utf8({text}))", "{curve}",
                  "ARRAY[{moment}]",
              "ARRAY[ROW({integer}, {text})]", "CAST({doubles} AS json)", "CAST({decimal} AS json)",
                  "CAST({double} AS json)"],
}  # fmt: skip
_CONSTANTS: dict[str, list[str]] = {
    "boolean": ["true", "false", "CAST(NULL AS boolean)"], "small": ["CAST(3 AS smallint)"], "integer": ["0", "1",
        "2", "-1", "5", "CAST(NULL AS integer)"],
    "bigint": ["10000000000", "-7"], "double": ["0e0", "1.5e0", "nan()", "infinity()", "-2e0"], "real": ["REAL '1.5'",
        "REAL 'NaN'"],
    "decimal": ["1.5", "0.00", "-12.345", "99"], "text": ["'a'", "''", "'ab'", "'é'", "'1'", "' '", "'x y'"],
    "short": ["CAST('ab' AS varchar(4))"], "char": ["CAST('a' AS char(4))"], "date": ["DATE '2024-02-29'",
        "DATE '1970-01-01'"],
    "moment": ["TIMESTAMP '2024-03-31 02:30:00.123'"], "integers": ["ARRAY[1, 2, 2]", "ARRAY[NULL, 1]"],
    "doubles": ["ARRAY[1e0, nan()]"], "texts": ["ARRAY['b', 'a', NULL]"],
        "map": ["MAP(ARRAY['a', 'b'], ARRAY[1, NULL])"],
    "document": ["'{\"a\": [1, {\"b\": 2.0}]}'"], "curve": ["pi()"], "other": ["NULL"],
    "pattern": ["'a%'", "'%b%'", "'_'", "'%'", "''", "'a_b'", "'%é'"], "regex": ["'[a-c]+'", "'\\d'", "'^a'", "'.'",
        "'b|é'", "'(a)(b)?'"],
    "letter": ["','", "'a'", "'é'", "' '"], "places": ["0", "1", "2", "-1", "-2"], "place": ["1", "2", "-1", "-2",
        "0", "5"],
    "size": ["0", "1", "2", "3", "6"], "divisor": ["1", "2", "3", "-1"],
    "path": ["'$.a'", "'$'", "'$.b[0]'", "'$[1]'", "'$.a.b'", "'$.b[1].c'"],
    "part": ["'day'", "'week'", "'month'", "'quarter'", "'year'"],
    "unit": ["'millisecond'", "'second'", "'minute'", "'hour'", "'day'", "'week'", "'month'", "'year'"],
    "format": ["'%d/%m/%Y'", "'%x-%v'", "'%b %e'", "'%j'"],
}  # fmt: skip
_HOLE = re.compile(r"\{([=.]?)(\w+)\}")
_DEPTH = 3


def expressions(seed: str, count: int) -> Iterator[str]:
    """So many expressions, the same for a seed."""
    rng = random.Random(seed)
    kinds = list(_RULES)
    for number in range(count):
        yield _expression(kinds[number % len(kinds)], rng, _DEPTH)


def _expression(kind: str, rng: random.Random, depth: int) -> str:
    leaf = kind in _COLUMNS and (depth == 0 or rng.random() < 0.15 * (_DEPTH - depth))
    if leaf or kind not in _RULES:
        constant = rng.random() < 0.3 or kind not in _COLUMNS
        return rng.choice(_CONSTANTS[kind]) if constant else _COLUMNS[kind][0]
    if depth == 0:
        return rng.choice(_CONSTANTS[kind])

    def filled(match: re.Match[str]) -> str:
        if match[1]:
            return rng.choice(_CONSTANTS[match[2]]) if match[1] == "=" else _COLUMNS[match[2]][0]
        return _expression(match[2], rng, depth - 1 if rng.random() < 0.6 else 0)

    return _HOLE.sub(filled, rng.choice(_RULES[kind]))

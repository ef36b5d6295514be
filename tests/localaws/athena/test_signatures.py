"""Functions' signatures: what their letters stand for, given arguments."""

from __future__ import annotations

import pytest

from localaws.athena import types as t
from localaws.athena.functions.library import AGGREGATES, SCALARS, WINDOW_FUNCTIONS
from localaws.athena.functions.registry import trino_has
from localaws.athena.functions.signatures import bind, read, resolved


def result(signature: str, *given: str) -> str | None:
    """The type of a call's result, None where the arguments do not fit."""
    kinds = [t.FUNCTION if kind == "function" else t.parse_trino(kind) for kind in given]
    declared = read(signature)
    bound = bind(declared, kinds)
    return None if bound is None else str(resolved(declared.result, bound))


CASES = [
    ("contains(array(T), T) boolean", ("array(integer)", "bigint"), "boolean"),
    ("contains(array(T), T) boolean", ("array(integer)", "varchar"), None),
    ("array_remove(array(T), T) array(T)", ("array(integer)", "decimal(5,2)"), "array(decimal(12,2))"),
    ("flatten(array(array(E))) array(E)", ("array(array(date))",), "array(date)"),
    ("flatten(array(array(E))) array(E)", ("array(date)",), None),
    ("element_at(map(K, V), K) V", ("map(varchar, date)", "varchar(3)"), "date"),
    ("trim(varchar(x)) varchar(x)", ("varchar(7)",), "varchar(7)"),
    ("trim(varchar(x)) varchar(x)", ("char(7)",), "varchar(7)"),
    ("trim(varchar(x)) varchar(x)", ("varchar",), "varchar"),
    ("trim(varchar(x)) varchar(x)", ("unknown",), "varchar(0)"),
    ("trim(varchar(x)) varchar(x)", ("integer",), None),
    ("trim(char(x)) char(x)", ("varchar(7)",), None),
    ("split(varchar(x), varchar) array(varchar(x))", ("varchar(7)", "varchar(1)"), "array(varchar(7))"),
    ("abs(N) N", ("decimal(5,2)",), "decimal(5,2)"),
    ("abs(N) N", ("unknown",), "double"),
    ("abs(N) N", ("varchar",), None),
    ("date_trunc(varchar, M) M", ("varchar(3)", "timestamp(6)"), "timestamp(6)"),
    ("date_trunc(varchar, M) M", ("varchar(3)", "integer"), None),
    ("date_trunc(varchar, M) M", ("varchar(3)",), None),
    ("filter(array(E), function(E, boolean)) array(E)", ("array(date)", "function"), "array(date)"),
    ("filter(array(E), function(E, boolean)) array(E)", ("array(date)", "boolean"), None),
    ("repeat(T, bigint) array(T)", ("function", "bigint"), None),
    ("pi() double", (), "double"),
]


@pytest.mark.parametrize(("signature", "given", "expected"), CASES)
def test_the_result_follows_from_the_arguments(signature: str, given: tuple[str, ...], expected: str | None) -> None:
    assert result(signature, *given) == expected


def test_several_names_have_one_signature() -> None:
    assert read("power pow(double, double) double").names == ("power", "pow")


# What Trino's grammar reads itself, and so SHOW FUNCTIONS does not list, or lists with other parameters.
OF_THE_GRAMMAR = {
    "coalesce", "current_timestamp", "format", "listagg", "localtimestamp", "normalize", "nullif", "try",
}  # fmt: skip


def test_each_function_is_one_of_trinos_and_takes_as_many_arguments_as_there() -> None:
    declared = {**SCALARS, **AGGREGATES, **WINDOW_FUNCTIONS}
    strange = {name for name in declared if not trino_has(name)}
    for name, function in declared.items():
        counts = {len(signature.params) for signature, _ in function.forms if signature is not None}
        if not all(trino_has(name, [t.UNKNOWN] * count) for count in counts):
            strange.add(name)
    assert strange == OF_THE_GRAMMAR

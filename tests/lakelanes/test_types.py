"""lakelanes.types: Hive's type grammar, and what Arrow and Trino call each type."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakelanes.types import parse_type


@pytest.mark.parametrize(
    ("text", "hive", "arrow", "trino"),
    [
        ("string", "string", pa.string(), "varchar"),
        ("char(3)", "char(3)", pa.string(), "char(3)"),
        ("varchar(65535)", "varchar(65535)", pa.string(), "varchar(65535)"),
        ("boolean", "boolean", pa.bool_(), "boolean"),
        ("tinyint", "tinyint", pa.int8(), "tinyint"),
        ("smallint", "smallint", pa.int16(), "smallint"),
        ("int", "int", pa.int32(), "integer"),
        ("integer", "int", pa.int32(), "integer"),
        ("bigint", "bigint", pa.int64(), "bigint"),
        ("float", "float", pa.float32(), "real"),
        ("double", "double", pa.float64(), "double"),
        ("date", "date", pa.date32(), "date"),
        ("timestamp", "timestamp", pa.timestamp("us"), "timestamp"),
        ("decimal(10,2)", "decimal(10,2)", pa.decimal128(10, 2), "decimal(10,2)"),
        ("decimal", "decimal(10,0)", pa.decimal128(10, 0), "decimal(10,0)"),
        ("decimal(38)", "decimal(38,0)", pa.decimal128(38, 0), "decimal(38,0)"),
        ("  DECIMAL ( 10 , 2 ) ", "decimal(10,2)", pa.decimal128(10, 2), "decimal(10,2)"),
        ("array<int>", "array<int>", pa.list_(pa.int32()), "array(integer)"),
        ("map<string,double>", "map<string,double>", pa.map_(pa.string(), pa.float64()), "map(varchar, double)"),
        (
            "struct<Id: int, tags: array<string>>",
            "struct<id:int,tags:array<string>>",
            pa.struct([("id", pa.int32()), ("tags", pa.list_(pa.string()))]),
            'row("id" integer, "tags" array(varchar))',
        ),
    ],
)
def test_a_type_has_one_name_in_each_system(text: str, hive: str, arrow: pa.DataType, trino: str) -> None:
    parsed = parse_type(text)
    assert (parsed.text, parsed.arrow, parsed.trino) == (hive, arrow, trino)
    assert parse_type(parsed.text) == parsed
    assert str(parsed) == hive


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decimal(10;2)", "'decimal(10;2)' is not a Hive type"),
        ("money", "'money' is not a Hive type"),
        ("", "'' is not a Hive type"),
        ("int int", "'int int' is not a Hive type"),
        ("array<int", "'array<int' is not a Hive type"),
        ("array<>", "'array<>' is not a Hive type"),
        ("struct<>", "'struct<>' is not a Hive type"),
        ("string; DROP TABLE x", "'string; DROP TABLE x' is not a Hive type"),
        ("decimal(1,2,3)", "'decimal(1,2,3)' is not a Hive type"),
        ("decimal(0,0)", "the precision is 1 to 38, not 0"),
        ("decimal(39,2)", "the precision is 1 to 38, not 39"),
        ("decimal(3,4)", "the scale 4 is above the precision 3"),
        ("char(256)", "the length of a char is 1 to 255, not 256"),
        ("char(0)", "the length of a char is 1 to 255, not 0"),
        ("varchar(65536)", "the length of a varchar is 1 to 65535, not 65536"),
        ("varchar", "varchar needs a length, as in varchar(10)"),
        ("map<array<int>,int>", "the key of a map is a simple type, not array<int>"),
        ("struct<a:int,A:string>", "the struct has two fields called a"),
        ("binary", "binary columns cannot be loaded"),
        ("array<" * 40 + "int" + ">" * 40, "it is nested more than 32 deep"),
        (7, "7 is not a Hive type"),
    ],
)
def test_what_is_not_a_type_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="is not a Hive type") as raised:
        parse_type(text)
    assert message in str(raised.value)


def test_types_compare_by_what_they_mean() -> None:
    assert parse_type("INTEGER") == parse_type("int")
    assert parse_type("decimal(10,2)") != parse_type("decimal(10,3)")
    assert len({parse_type("varchar(5)"), parse_type("VARCHAR(5)"), parse_type("varchar(6)")}) == 2


def test_binary_is_for_values_that_come_as_bytes() -> None:
    parsed = parse_type("map<string,array<binary>>", binary=True)
    assert parsed.arrow == pa.map_(pa.string(), pa.list_(pa.binary()))
    assert (parsed.text, parsed.trino) == ("map<string,array<binary>>", "map(varchar, array(varbinary))")
    with pytest.raises(ValueError, match="binary columns cannot be loaded"):
        parse_type("map<string,array<binary>>")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bool", "boolean"),
        ("Number(10,2)", "decimal(10,2)"),
        ("number", "decimal(12,2)"),
        ("varchar2(20)", "varchar(20)"),
        ("text(5)", "string"),
        ("datetime", "timestamp"),
        ("int64", "bigint"),
        ("strnig", "string"),
        ("array<number(5,1)>", "array<decimal(5,1)>"),
        ("struct<text:bool,b:list<str>>", "struct<text:boolean,b:array<string>>"),
    ],
)
def test_a_name_that_another_system_has_for_a_type_is_told_ours(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match="is not a Hive type") as error:
        parse_type(text)
    assert str(error.value) == f"{text!r} is not a Hive type; did you mean {meant!r}?"
    assert parse_type(meant)


@pytest.mark.parametrize("text", ["foo", "decimal(10;2)", "binry"])
def test_a_name_that_is_like_none_is_told_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a Hive type$"):
        parse_type(text)

"""Names are held to what AWS accepts, to the last character, and quoted so that none ends its quotes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakelanes import names


@pytest.mark.parametrize(
    ("rule", "longest"),
    [
        (names.database_name, "d" * 128),
        (names.table_name, "t" * 120),
        (names.changes_table_name, "t" * 119),
        (names.column_name, "_" + "c" * 127),
        (names.entity_name, "E" * 100),
        (names.bucket_name, "b" * 63),
        (names.workgroup_name, "w" * 128),
        (names.queue_name, "q" * 76),
        (names.topic_name, "t" * 256),
        (names.dynamodb_table_name, "t" * 255),
        (names.account_id, "1" * 12),
    ],
)
def test_a_name_may_be_as_long_as_aws_allows(rule: Callable[[str], str], longest: str) -> None:
    assert rule(longest) == longest
    with pytest.raises(ValueError, match=f"'{longest}.' is not .*: use "):
        rule(longest + longest[-1])


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (names.bucket_name, "ab"),
        (names.bucket_name, "192.168.1.1"),
        (names.bucket_name, "xn--bucket"),
        (names.bucket_name, "a..b"),
        (names.bucket_name, "name-s3alias"),
        (names.bucket_name, "Bucket"),
        (names.bucket_name, "-bucket"),
        (names.bucket_name, "bucket-"),
        (names.dynamodb_table_name, "ab"),
        (names.table_name, "_t"),
        (names.column_name, "1c"),
        (names.entity_name, "1e"),
        (names.region_name, "europe"),
        (names.account_id, "12345678901x"),
        (names.queue_name, "q.fifo"),
        (names.table_name, "t\n"),
    ],
)
def test_what_aws_refuses_is_no_name(rule: Callable[[str], str], name: str) -> None:
    with pytest.raises(ValueError, match="is not "):
        rule(name)


@pytest.mark.parametrize("rule", [names.database_name, names.table_name, names.column_name])
def test_glue_stores_names_in_lower_case(rule: Callable[[str], str]) -> None:
    assert rule("Sales_Data") == "sales_data"


@pytest.mark.parametrize(
    ("header", "column"), [("Unit Price (CHF)", "unit_price__chf_"), ("Größe", "gr__e"), ("1st", None)]
)
def test_a_header_becomes_a_columns_name(header: str, column: str | None) -> None:
    if column is None:
        with pytest.raises(ValueError, match="is not a column name"):
            names.column_of_header(header)
    else:
        assert names.column_of_header(header) == column


@pytest.mark.parametrize("header", ["", "---", "日本"])
def test_a_header_without_letters_or_digits_is_no_column(header: str) -> None:
    with pytest.raises(ValueError, match="no letter or digit"):
        names.column_of_header(header)


@pytest.mark.parametrize(
    ("prefix", "folder"), [("", ""), ("in", "in/"), ("in/sales/", "in/sales/"), ("x" * 900, "x" * 900 + "/")]
)
def test_a_prefix_is_a_folder(prefix: str, folder: str) -> None:
    assert names.key_prefix(prefix) == folder


@pytest.mark.parametrize("prefix", ["/in", "in//sales", "a/../b", "./a", "a\nb", "a\x7f", "x" * 901, "ü" * 451])
def test_what_is_no_folder_is_no_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match="is not a key prefix"):
        names.key_prefix(prefix)


def test_quotes_within_a_name_are_doubled() -> None:
    assert names.sql_identifier('a"b') == '"a""b"'
    assert names.ddl_identifier("a`b") == "`a``b`"
    assert names.sql_string("it's") == "'it''s'"

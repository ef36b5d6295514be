"""The addresses of the Lake page take any name."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from lakelanes.alerts import page_links

NAMES = ["sales", "März 2024", "a/b", "a?b=c&d#e", "100%", "s3://bucket/in/a b.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_segment_of_the_path(name: str) -> None:
    for make, start in ((page_links.entity, "/lake/entities/"), (page_links.table, "/lake/tables/")):
        split = urlsplit(make(name))
        assert (split.query, split.fragment) == ("", "")
        assert split.path.startswith(start)
        assert split.path.count("/") == 3
        assert unquote(split.path.removeprefix(start)) == name


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_one_value_of_the_query(name: str) -> None:
    split = urlsplit(page_links.file(name))
    assert split.path == "/lake/file"
    assert parse_qs(split.query) == {"uri": [name]}


def test_a_period_is_below_its_entity() -> None:
    assert page_links.period("a/b", "2024-03-15T09") == f"{page_links.entity('a/b')}/periods/2024-03-15T09"

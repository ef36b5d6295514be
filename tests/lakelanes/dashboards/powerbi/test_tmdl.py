"""The text of the model's files."""

from __future__ import annotations

import pytest

from lakelanes.dashboards.powerbi import tmdl
from tests.lakelanes.dashboards.powerbi.made import SHOP, SUM, dashboard, everything, model_of

MONTH = {"kind": "figure", "title": "Line 1\n\t/// Line 2", "x": {"column": "day", "unit": "month"}, "y": [SUM]}


def files_of(*visuals: dict[str, object], **settings: object) -> dict[str, str]:
    model = model_of(dashboard(*visuals, **settings)) if visuals else model_of(*everything())  # type: ignore[arg-type]
    return tmdl.files(model, dsn='the "DSN"', catalogue="AwsDataCatalog", schema="lake_db")


def test_a_measure_stands_on_a_line_or_below_its_name() -> None:
    text = files_of(MONTH)["tables/shop.tmdl"]
    assert (
        "\n\t/// Line 1 /// Line 2\n"
        "\tmeasure 'Sum of revenue (shop)' = SUM('shop'[revenue])\n"
        "\t\tformatString: #,0\n"
        "\t\tlineageTag: "
    ) in text
    assert (
        "\tmeasure 'Sum of revenue, last month''s start (shop)' =\n"
        "\t\t\tVAR _NewestDate = MAX('shop'[day])\n"
        "\t\t\tVAR _PeriodStart = DATE(YEAR(_NewestDate), MONTH(_NewestDate), 1)\n"
        "\t\t\tRETURN IF(NOT ISBLANK(_NewestDate), _PeriodStart)\n"
        "\t\tformatString: yyyy-mm\n"
    ) in text


def test_a_column_says_where_it_is_from_and_is_never_summed_by_itself() -> None:
    text = files_of(MONTH)["tables/shop.tmdl"]
    after = text.partition("\tcolumn day\n")[2]
    assert after.startswith("\t\tdataType: dateTime\n\t\tisHidden\n\t\tformatString: yyyy-mm-dd\n\t\tlineageTag: ")
    assert text.count("\tcolumn ") == text.count("\t\tsummarizeBy: none\n") > 5
    assert "\t\tsourceColumn: day\n" in after


def test_only_what_changes_within_days_is_refreshed_by_parts() -> None:
    files = files_of()
    policy = (
        "\trefreshPolicy\n\t\tpolicyType: basic\n\t\trollingWindowGranularity: year\n\t\trollingWindowPeriods: 10\n"
    )
    assert (
        f"{policy}\t\tincrementalGranularity: day\n\t\tincrementalPeriods: 7\n\t\tsourceExpression =\n\t\t\tlet\n"
        in (files["tables/shop.tmdl"])
    )
    assert "\tpartition shop = m\n\t\tmode: import\n\t\tsource =\n\t\t\t\tlet\n" in files["tables/shop.tmdl"]
    assert "refreshPolicy" not in files["tables/visits.tmdl"]
    assert "\tpartition visits = m\n\t\tmode: directQuery\n" in files["tables/visits.tmdl"]
    assert "expression RangeStart = #datetime(1970, 1, 1, 0, 0, 0) meta [" in files["expressions.tmdl"]
    assert "RangeStart" not in files_of(MONTH, datasets={"shop": {"view": "shop"}})["expressions.tmdl"]


@pytest.mark.parametrize(
    ("days", "unit", "read_again", "kept"),
    [
        (7, "day", 7, 10),
        (7, "hour", 7, 10),
        # A change of Sunday is in the row of Monday, one of the 31st in that of the 1st.
        (7, "week", 13, 10),
        (62, "month", 92, 10),
        (62, "quarter", 153, 10),
        (3650, "year", 4015, 12),
    ],
)
def test_a_refresh_reaches_back_to_the_date_that_a_changed_row_has(
    days: int, unit: str, read_again: int, kept: int
) -> None:
    text = files_of(MONTH, datasets={"shop": {**SHOP, "changes_days": days, "date_unit": unit}})["tables/shop.tmdl"]
    assert f"\t\trollingWindowPeriods: {kept}\n" in text and f"\t\tincrementalPeriods: {read_again}\n" in text


def test_parameters_say_where_the_lake_is() -> None:
    text = files_of()["expressions.tmdl"]
    meta = 'meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]'
    assert f'expression \'Athena DSN\' = "the ""DSN""" {meta}\n' in text
    assert f"expression 'Athena catalogue' = \"AwsDataCatalog\" {meta}\n" in text
    assert f"expression 'Athena schema' = \"lake_db\" {meta}\n" in text


def test_the_calendar_is_related_to_each_table_and_has_hierarchies() -> None:
    files = files_of()
    ends = [line.strip() for line in files["relationships.tmdl"].splitlines() if "Column" in line]
    assert ends == [
        "fromColumn: shop.day",
        "toColumn: 'Calendar dates'.Date",
        "fromColumn: visits.'seen_at by day'",
        "toColumn: 'Calendar dates'.Date",
    ]
    calendar = files["tables/Calendar dates.tmdl"]
    levels = [line.strip() for line in calendar.splitlines() if line.startswith(("\thierarchy", "\t\tlevel"))]
    assert levels == [
        *("hierarchy Months", "level Year", "level Quarter", "level Month", "level Date"),
        *("hierarchy Weeks", "level Week", "level Date"),
    ]
    assert "\tdataCategory: Time\n" in calendar and "\t\tisKey\n" in calendar
    assert "\t\tsourceColumn: [Date]\n" in calendar


def test_the_model_names_its_tables_and_leaves_no_number_to_be_summed() -> None:
    text = files_of()["model.tmdl"]
    assert text.endswith("\n\nref table shop\nref table visits\nref table 'Calendar dates'\n")
    assert "\tdiscourageImplicitMeasures\n" in text
    assert "ref table 'Calendar dates'" not in files_of(MONTH, datasets={"shop": {"view": "shop"}})["model.tmdl"]


def test_objects_keep_their_ids_and_no_two_have_one() -> None:
    tags = [line.split(": ")[1] for text in files_of().values() for line in text.splitlines() if "lineageTag" in line]
    assert len(set(tags)) == len(tags) > 40
    assert files_of() == files_of()

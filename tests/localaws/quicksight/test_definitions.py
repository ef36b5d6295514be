"""What a definition may refer to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localaws.protocol import AwsError
from localaws.quicksight.definitions import check
from localaws.quicksight.operations import DEFINITION
from localaws.quicksight.store import DATA_SET, Context, Scope, Store
from tests.localaws.quicksight.definitions_of_sales import definition

SCOPE = Scope("000000000000", "us-east-1")
SHAPE = "DashboardVersionDefinition"


@pytest.fixture
def store() -> Store:
    """A data set of sales."""
    made = Store()
    resource = made.create(Context(SCOPE, 0.0), DATA_SET, "sales", {})
    types = {"city": "STRING", "amount": "DECIMAL", "sold_at": "DATETIME"}
    resource.record["OutputColumns"] = [{"Name": name, "Type": kind} for name, kind in types.items()]
    return made


def good() -> dict[str, Any]:
    return definition("arn:aws:quicksight:us-east-1:000000000000:dataset/sales")


def bar(given: dict[str, Any]) -> dict[str, Any]:
    visual: dict[str, Any] = given["Sheets"][0]["Visuals"][0]["BarChartVisual"]
    return visual


def wells(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bar(given)["ChartConfiguration"]["FieldWells"]["BarChartAggregatedFieldWells"]
    return found


def test_a_sound_definition_names_its_data_sets_and_has_no_errors(store: Store) -> None:
    DEFINITION.check_shape(SHAPE, good(), "Definition")
    found = check(store, SCOPE, SHAPE, good())
    assert found.data_sets == ["arn:aws:quicksight:us-east-1:000000000000:dataset/sales"]
    assert found.errors == []


def set_column(given: dict[str, Any], name: str) -> None:
    wells(given)["Values"][0]["NumericalMeasureField"]["Column"]["ColumnName"] = name


@pytest.mark.parametrize(
    ("spoil", "kind", "path"),
    [
        (
            lambda given: set_column(given, "gone"),
            "COLUMN_REPLACEMENT_MISSING",
            "Definition.Sheets[0].Visuals[0].BarChartVisual.ChartConfiguration.FieldWells."
            "BarChartAggregatedFieldWells.Values[0].NumericalMeasureField.Column",
        ),
        (
            lambda given: set_column(given, "city"),
            "COLUMN_TYPE_MISMATCH",
            "Definition.Sheets[0].Visuals[0].BarChartVisual.ChartConfiguration.FieldWells."
            "BarChartAggregatedFieldWells.Values[0].NumericalMeasureField",
        ),
        (
            lambda given: given["FilterGroups"][0]["Filters"][0]["CategoryFilter"]["Column"].update(ColumnName="gone"),
            "COLUMN_REPLACEMENT_MISSING",
            "Definition.FilterGroups[0].Filters[0].CategoryFilter.Column",
        ),
        (
            lambda given: given["DataSetIdentifierDeclarations"][0].update(
                DataSetArn="arn:aws:quicksight:us-east-1:000000000000:dataset/gone"
            ),
            "DATA_SET_NOT_FOUND",
            "sales",
        ),
    ],
)
def test_what_the_data_set_lacks_is_an_error_of_the_version(
    store: Store, spoil: Callable[[dict[str, Any]], Any], kind: str, path: str
) -> None:
    given = good()
    spoil(given)
    found = check(store, SCOPE, SHAPE, given)
    assert [(each["Type"], each["ViolatedEntities"]) for each in found.errors] == [(kind, [{"Path": path}])]


def test_a_calculated_field_is_a_column_of_its_data_set(store: Store) -> None:
    given = good()
    set_column(given, "double")
    given["CalculatedFields"] = [{"DataSetIdentifier": "sales", "Name": "double", "Expression": "2 * {amount}"}]
    assert check(store, SCOPE, SHAPE, given).errors == []


def double_visual(given: dict[str, Any]) -> None:
    given["Sheets"][0]["Visuals"] *= 2


def element(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = given["Sheets"][0]["Layouts"][0]["Configuration"]["GridLayout"]["Elements"][0]
    return found


def scope(given: dict[str, Any]) -> dict[str, Any]:
    selected = given["FilterGroups"][0]["ScopeConfiguration"]["SelectedSheets"]
    found: dict[str, Any] = selected["SheetVisualScopingConfigurations"][0]
    return found


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (double_visual, "VisualId by-city is in the definition more than once"),
        (lambda given: given["Sheets"].append(given["Sheets"][0]), "SheetId overview"),
        (lambda given: element(given).update(ElementId="gone"), "ElementId' is 'gone'"),
        (lambda given: scope(given).update(SheetId="gone"), "SheetId' is 'gone'"),
        (lambda given: scope(given).update(VisualIds=["gone"]), "VisualIds' has gone"),
        (
            lambda given: bar(given)["ChartConfiguration"]["SortConfiguration"]["CategorySort"][0]["FieldSort"].update(
                FieldId="gone"
            ),
            "FieldId' is 'gone'",
        ),
        (
            lambda given: wells(given)["Values"][0]["NumericalMeasureField"]["Column"].update(DataSetIdentifier="gone"),
            "DataSetIdentifier' is 'gone'",
        ),
    ],
)
def test_references_within_the_definition_lead_somewhere(
    store: Store, spoil: Callable[[dict[str, Any]], Any], message: str
) -> None:
    given = good()
    spoil(given)
    with pytest.raises(AwsError, match=message.replace("'", ".")) as caught:
        check(store, SCOPE, SHAPE, given)
    assert caught.value.code == "InvalidParameterValueException"

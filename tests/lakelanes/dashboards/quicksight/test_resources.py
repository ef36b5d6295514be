"""What all resources of the template have: an id of the lake's, its tag, and readers' rights for the principal."""

from __future__ import annotations

import pytest

from lakelanes.dashboards.quicksight.resources import logical_id, resource


@pytest.mark.parametrize("kind", ["DataSource", "DataSet", "Theme", "Analysis", "Dashboard"])
def test_the_principal_may_look_at_it_and_change_nothing(kind: str) -> None:
    properties = resource(kind, "shop", {"Name": "Shop"})["Properties"]
    [permission] = properties["Permissions"]
    assert permission["Principal"] == {"Ref": "PrincipalArn"}
    assert permission["Actions"] and all(
        action.removeprefix("quicksight:").startswith(("Describe", "List", "Pass", "Query"))
        for action in permission["Actions"]
    )
    assert properties[f"{kind}Id"] == {"Fn::Sub": "${Prefix}-shop"}
    assert properties["Tags"] == [{"Key": "lake", "Value": {"Ref": "Prefix"}}]


def test_what_there_is_once_has_the_prefix_itself_for_its_id() -> None:
    assert resource("Theme", "", {})["Properties"]["ThemeId"] == {"Ref": "Prefix"}


def test_logical_ids_have_letters_and_digits_alone_and_differ_where_names_do() -> None:
    assert logical_id("DataSet", "revenue_by_day") == "DataSetRevenueByDay"
    made = [logical_id("DataSet", name) for name in ("a1", "a_1", "a__1", "a_1_", "ab", "a_b", "a__b")]
    assert len(set(made)) == len(made) and all(one.isalnum() for one in made)

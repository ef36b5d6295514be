"""A definition of a dashboard on sales, for tests to spoil."""

from __future__ import annotations

from typing import Any


def column(name: str, data_set: str = "sales") -> dict[str, str]:
    return {"DataSetIdentifier": data_set, "ColumnName": name}


def definition(arn: str) -> dict[str, Any]:
    """One sheet with a bar chart of amounts by city, a filter on it, and a layout."""
    bar = {
        "VisualId": "by-city",
        "ChartConfiguration": {
            "FieldWells": {
                "BarChartAggregatedFieldWells": {
                    "Category": [{"CategoricalDimensionField": {"FieldId": "city", "Column": column("city")}}],
                    "Values": [
                        {
                            "NumericalMeasureField": {
                                "FieldId": "amount",
                                "Column": column("amount"),
                                "AggregationFunction": {"SimpleNumericalAggregation": "SUM"},
                            }
                        }
                    ],
                }
            },
            "SortConfiguration": {"CategorySort": [{"FieldSort": {"FieldId": "amount", "Direction": "DESC"}}]},
        },
    }
    element = {"ElementId": "by-city", "ElementType": "VISUAL", "ColumnSpan": 36, "RowSpan": 12}
    return {
        "DataSetIdentifierDeclarations": [{"Identifier": "sales", "DataSetArn": arn}],
        "Sheets": [
            {
                "SheetId": "overview",
                "Name": "Overview",
                "Visuals": [{"BarChartVisual": bar}],
                "Layouts": [{"Configuration": {"GridLayout": {"Elements": [element]}}}],
            }
        ],
        "FilterGroups": [
            {
                "FilterGroupId": "cities",
                "Filters": [
                    {
                        "CategoryFilter": {
                            "FilterId": "cities",
                            "Column": column("city"),
                            "Configuration": {
                                "FilterListConfiguration": {"MatchOperator": "CONTAINS", "CategoryValues": ["Köln"]}
                            },
                        }
                    }
                ],
                "ScopeConfiguration": {
                    "SelectedSheets": {
                        "SheetVisualScopingConfigurations": [
                            {"SheetId": "overview", "Scope": "SELECTED_VISUALS", "VisualIds": ["by-city"]}
                        ]
                    }
                },
                "CrossDataset": "SINGLE_DATASET",
                "Status": "ENABLED",
            }
        ],
    }

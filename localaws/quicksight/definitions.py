"""Definitions of analyses and dashboards: their inner references, and those to columns of data sets.

The service's definition in botocore has their shape. What of their content AWS finds later is an error of the version
(https://docs.aws.amazon.com/quicksight/latest/APIReference/API_DashboardError.html), and so it is here. AWS does not
document which inner references it follows; here all below have to lead somewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from localaws.protocol import AwsError
from localaws.quicksight.operations import INVALID, service_model
from localaws.quicksight.store import DATA_SET, Record, Scope, Store

# The fields that need columns of certain types, of
# https://docs.aws.amazon.com/quicksight/latest/APIReference/API_DimensionField.html and API_MeasureField.html.
_FIELD_TYPES = {
    "CategoricalDimensionField": ("STRING",),
    "DateDimensionField": ("DATETIME",),
    "NumericalDimensionField": ("INTEGER", "DECIMAL"),
    "DateMeasureField": ("DATETIME",),
    "NumericalMeasureField": ("INTEGER", "DECIMAL"),
}
_FIELDS = (*_FIELD_TYPES, "CategoricalMeasureField", "CalculatedMeasureField", "UnaggregatedField")
# What is named once in a definition, by the member that has the name.
_NAMED_ONCE = {
    "SheetDefinition": "SheetId",
    "FilterGroup": "FilterGroupId",
    "DataSetIdentifierDeclaration": "Identifier",
}


@dataclass(frozen=True)
class Part:
    """A value within a definition: the name of its shape, and its place."""

    shape: str
    value: Any
    path: str


@dataclass
class Checked:
    """What a definition refers to, and the errors of its version."""

    data_sets: list[str] = field(default_factory=list)
    errors: list[Record] = field(default_factory=list)


def parts(shape: Any, value: Any, path: str) -> Iterator[Part]:
    """Every value of a value of a shape, the value itself first."""
    yield Part(shape.name, value, path)
    if shape.type_name == "structure":
        for name, each in value.items():
            yield from parts(shape.members[name], each, f"{path}.{name}")
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield from parts(shape.member, each, f"{path}[{number}]")
    elif shape.type_name == "map":
        for key, each in value.items():
            yield from parts(shape.value, each, f"{path}.{key}")


def check(store: Store, scope: Scope, shape: str, definition: Record) -> Checked:
    """Follow a definition's references; raises InvalidParameterValueException for those within it that lead nowhere."""
    found = list(parts(service_model().shape_for(shape), definition, "Definition"))
    _check_names(found)
    _check_visuals(found)
    _check_scopes(found)
    declared = {each["Identifier"]: each["DataSetArn"] for each in definition["DataSetIdentifierDeclarations"]}
    for part in found:
        named = part.value.get("DataSetIdentifier") if isinstance(part.value, dict) else None
        if named is not None and named not in declared:
            raise AwsError(INVALID, f"'{part.path}.DataSetIdentifier' is {named!r}, which is not declared")
    checked = Checked(sorted(set(declared.values())))
    columns: dict[str, dict[str, str | None] | None] = {}
    for identifier, arn in declared.items():
        columns[identifier] = _columns(store, scope, arn)
        if columns[identifier] is None:
            checked.errors.append(_error("DATA_SET_NOT_FOUND", f"The data set {arn} is not found", identifier))
    for each in definition.get("CalculatedFields", []):
        of_data_set = columns[each["DataSetIdentifier"]]
        if of_data_set is not None:
            of_data_set[each["Name"]] = None
    checked.errors += _column_errors(found, columns)
    return checked


def _columns(store: Store, scope: Scope, arn: str) -> dict[str, str | None] | None:
    resource = store.by_arn(scope, arn)
    if resource is None or resource.kind != DATA_SET:
        return None
    return {each["Name"]: each["Type"] for each in resource.record["OutputColumns"]}


def _column_errors(found: list[Part], columns: dict[str, dict[str, str | None] | None]) -> list[Record]:
    errors = []
    for part in found:
        if part.shape == "ColumnIdentifier":
            held = columns[part.value["DataSetIdentifier"]]
            if held is not None and part.value["ColumnName"] not in held:
                message = f"{part.path}: its data set has no column {part.value['ColumnName']}"
                errors.append(_error("COLUMN_REPLACEMENT_MISSING", message, part.path))
        if part.shape in _FIELD_TYPES:
            column = part.value["Column"]
            kind = (columns[column["DataSetIdentifier"]] or {}).get(column["ColumnName"])
            if kind is not None and kind not in _FIELD_TYPES[part.shape]:
                message = f"{part.path}: the column {column['ColumnName']} is of type {kind}"
                errors.append(_error("COLUMN_TYPE_MISMATCH", message, part.path))
    return errors


def _error(kind: str, message: str, path: str) -> Record:
    return {"Type": kind, "Message": message, "ViolatedEntities": [{"Path": path}]}


def _check_names(found: list[Part]) -> None:
    for shape, member in _NAMED_ONCE.items():
        names = Counter(part.value[member] for part in found if part.shape == shape)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise AwsError(INVALID, f"{member} {', '.join(twice)} is in the definition more than once")


def _check_visuals(found: list[Part]) -> None:
    """Ids of visuals are unique, fields that a visual sorts by are its own, and layouts place what their sheet has."""
    visuals = [part for part in found if part.shape == "Visual"]
    names = Counter(_visual_id(part.value) for part in visuals)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise AwsError(INVALID, f"VisualId {', '.join(twice)} is in the definition more than once")
    for visual in visuals:
        below = [part for part in found if part.path.startswith(f"{visual.path}.")]
        own = {part.value["FieldId"] for part in below if part.shape in _FIELDS}
        for part in below:
            used = part.value.get("FieldId") if part.shape == "FieldSort" else None
            if used is not None and used not in own:
                raise AwsError(INVALID, f"'{part.path}.FieldId' is {used!r}, which is no field of the visual")
    for sheet in (part for part in found if part.shape == "SheetDefinition"):
        known = _elements(sheet.value)
        for part in found:
            placed = part.shape in ("GridLayoutElement", "FreeFormLayoutElement")
            if placed and part.path.startswith(f"{sheet.path}.") and part.value["ElementId"] not in known:
                raise AwsError(
                    INVALID, f"'{part.path}.ElementId' is {part.value['ElementId']!r}, which its sheet lacks"
                )


def _check_scopes(found: list[Part]) -> None:
    """Filters apply to sheets and visuals that are there."""
    sheets = {part.value["SheetId"]: _elements(part.value) for part in found if part.shape == "SheetDefinition"}
    for part in found:
        if part.shape != "SheetVisualScopingConfiguration":
            continue
        sheet = part.value["SheetId"]
        if sheet not in sheets:
            raise AwsError(INVALID, f"'{part.path}.SheetId' is {sheet!r}, which the definition has not")
        if missing := sorted(set(part.value.get("VisualIds", [])) - sheets[sheet]):
            raise AwsError(INVALID, f"'{part.path}.VisualIds' has {', '.join(missing)}, which the sheet has not")


def _elements(sheet: Record) -> set[str]:
    """The ids of all that a sheet's layout can place."""
    found = {_visual_id(visual) for visual in sheet.get("Visuals", [])}
    found |= {each["SheetTextBoxId"] for each in sheet.get("TextBoxes", [])}
    found |= {each["SheetImageId"] for each in sheet.get("Images", [])}
    for each in (*sheet.get("FilterControls", []), *sheet.get("ParameterControls", [])):
        found |= {value for control in each.values() for name, value in control.items() if name.endswith("ControlId")}
    return found


def _visual_id(visual: Record) -> str:
    return str(next(iter(visual.values()))["VisualId"])

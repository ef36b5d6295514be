"""Adds what ministack's CloudFormation leaves out of DynamoDB tables, of the mappings of their streams, and of
functions and layers, which it makes of anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localaws import function_limits
from localaws.dynamodb import ttl
from localaws.dynamodb.recovery import Recoveries
from localaws.dynamodb.tables import Table
from localaws.iam.functions import missing_for_queue
from localaws.streams import mappings

Properties = dict[str, Any]


def attach(provisioners: Any, streams: Any, recoveries: Recoveries, wake: Callable[[], None]) -> None:
    """Take over the handlers of AWS::DynamoDB::Table and AWS::Lambda::EventSourceMapping, and look at what those of
    AWS::Lambda::Function and AWS::Lambda::LayerVersion are to make before they do."""
    handlers = provisioners._RESOURCE_HANDLERS
    _attach_functions(handlers, provisioners)
    _attach_tables(handlers["AWS::DynamoDB::Table"], streams, recoveries)
    _attach_mappings(handlers["AWS::Lambda::EventSourceMapping"], provisioners._lambda_svc, wake)


def _attach_tables(handler: dict[str, Any], streams: Any, recoveries: Recoveries) -> None:
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def creating(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        name, attributes = create(logical_id, properties, stack)
        table = streams._tables[name]
        if table.get("LatestStreamArn"):
            table["LatestStreamLabel"] = table["LatestStreamArn"].rpartition("/")[2]
        try:
            _apply(table, {}, properties, streams, recoveries)
        except ValueError:
            delete(name, properties)
            raise
        return name, attributes

    def updating(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None
    ) -> tuple[str, Properties]:
        before = streams._tables.get(physical_id)
        name, attributes = update(physical_id, old, new, stack, logical_id)
        table = streams._tables[name]
        # A table that replaced another has none of its settings.
        _apply(table, old if table is before else {}, new, streams, recoveries)
        return name, attributes

    def deleting(physical_id: str, properties: Properties) -> None:
        table = streams._tables.get(physical_id)
        if table is not None:
            recoveries.disable(table)
        streams._pitr_settings.pop(physical_id, None)
        streams._ttl_settings.pop(physical_id, None)
        delete(physical_id, properties)

    handler.update({"create": creating, "update": updating, "delete": deleting})


def _apply(table: Table, old: Properties, new: Properties, streams: Any, recoveries: Recoveries) -> None:
    name = "PointInTimeRecoverySpecification"
    if old.get(name) != new.get(name):
        specification = new.get(name) or {}
        if _true(specification.get("PointInTimeRecoveryEnabled", False)):
            days = specification.get("RecoveryPeriodInDays")
            if days is not None and not 1 <= int(days) <= 35:
                raise ValueError(f"{name}.RecoveryPeriodInDays is {days}, expected 1 to 35")
            recoveries.enable(table, None if days is None else int(days))
        else:
            recoveries.disable(table)
    name = "TimeToLiveSpecification"
    if old.get(name) != new.get(name):
        specification = new.get(name) or {}
        enabled = _true(specification.get("Enabled", False))
        if enabled and not specification.get("AttributeName"):
            raise ValueError(f"{name}.AttributeName is missing")
        ttl.configure(table, specification["AttributeName"] if enabled else None)
    name = "SSESpecification"
    if not old and new.get(name):
        given = {**new[name], "Enabled": _true(new[name].get("SSEEnabled", False))}
        table["SSEDescription"] = streams._sse_description_from_spec(given)


def _attach_functions(handlers: dict[str, Any], provisioners: Any) -> None:
    functions = provisioners._lambda_svc
    create_function, create_layer = provisioners._lambda_create, provisioners._lambda_layer_create

    def creating_function(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        # Here ZipFile is source text, not an archive.
        code = {name: value for name, value in (properties.get("Code") or {}).items() if name != "ZipFile"}
        _refuse(function_limits.function_fault(functions, {**properties, "Code": code}))
        made: tuple[str, Properties] = create_function(logical_id, properties, stack)
        return made

    def creating_layer(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        _refuse(function_limits.content_fault(functions, properties.get("Content")))
        made: tuple[str, Properties] = create_layer(logical_id, properties, stack)
        return made

    # A function that is replaced is created by this name.
    provisioners._lambda_create = creating_function
    handlers["AWS::Lambda::Function"]["create"] = creating_function
    handlers["AWS::Lambda::LayerVersion"]["create"] = creating_layer


def _refuse(fault: str | None) -> None:
    if fault:
        raise ValueError(fault)


def _attach_mappings(handler: dict[str, Any], functions: Any, wake: Callable[[], None]) -> None:
    create, update = handler["create"], handler["update"]

    def creating(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        if not mappings.is_stream(properties.get("EventSourceArn")):
            if missing := missing_for_queue(functions, properties):
                raise ValueError(missing)
            made: tuple[str, Properties] = create(logical_id, properties, stack)
            return made
        made = create(logical_id, _checked(functions, properties), stack)
        wake()
        return made

    def updating(physical_id: str, old: Properties, new: Properties, stack: str) -> tuple[str, Properties]:
        mapping = functions._esms.get(physical_id)
        if mapping is None or not mappings.is_stream(new.get("EventSourceArn")):
            changed: tuple[str, Properties] = update(physical_id, old, new, stack)
            return changed
        if any(old.get(name) != new.get(name) for name in ("EventSourceArn", "StartingPosition")):
            made = creating(physical_id, new, stack)
            handler["delete"](physical_id, old)
            return made
        changed = update(physical_id, old, _checked(functions, new, physical_id), stack)
        wake()
        return changed

    handler.update({"create": creating, "update": updating})


def _checked(functions: Any, properties: Properties, updated: str | None = None) -> Properties:
    try:
        return mappings.of_template(functions, properties, updated)
    except mappings.MappingRefused as error:
        raise ValueError(str(error)) from error


def _true(value: object) -> bool:
    return str(value).lower() == "true"

"""Says what of ministack's inside our code relies on is there. Runs in the local AWS's interpreter, prints JSON."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
from typing import Any

from localaws import server

# module -> the functions we call, with the parameters that we pass or are passed
FUNCTIONS = {
    "ministack.app": {"_reset_all_state": [], "app": ["scope", "receive", "send"]},
    "ministack.core.iam_evaluator": {"resolve_credential": ["access_key_id", "account_id"]},
    "ministack.core.lambda_runtime": {"reset": []},
    "ministack.core.responses": {"get_account_id": [], "get_region": []},
    "ministack.core.router": {"extract_access_key_id": ["headers", "query_params"]},
    "ministack.services.athena": {"_arn_workgroup": ["name"], "_ensure_default_workgroup": []},
}
# module -> stores that we read and write, kept apart by account and region
STORES = {
    "ministack.services.athena": ["_workgroups"],
    "ministack.services.glue": [
        "_databases",
        "_partition_column_statistics",
        "_partition_indexes",
        "_partitions",
        "_table_column_statistics",
        "_tables",
    ],
}
STORE_METHODS = ["__contains__", "__delitem__", "__getitem__", "__setitem__", "get", "items", "pop", "setdefault"]
HANDLER_PARAMETERS = ["method", "path", "headers", "body", "query_params"]


def _parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def missing() -> list[str]:
    """A line for each thing that is not as we need it."""
    lines = []
    for module_name, functions in FUNCTIONS.items():
        module = importlib.import_module(module_name)
        for name, parameters in functions.items():
            function = getattr(module, name, None)
            if not callable(function):
                lines.append(f"{module_name}.{name} is gone")
            elif _parameters(function)[: len(parameters)] != parameters:
                lines.append(f"{module_name}.{name} takes {_parameters(function)}, expected {parameters}")
    scoped = importlib.import_module("ministack.core.responses").AccountRegionScopedDict
    lines += [f"AccountRegionScopedDict.{name} is gone" for name in STORE_METHODS if not hasattr(scoped, name)]
    for module_name, stores in STORES.items():
        module = importlib.import_module(module_name)
        for name in stores:
            if not isinstance(getattr(module, name, None), scoped):
                lines.append(f"{module_name}.{name} is no AccountRegionScopedDict")
    return lines + _handlers_missing()


def _handlers_missing() -> list[str]:
    handlers = importlib.import_module("ministack.app").SERVICE_HANDLERS
    lines = [f"SERVICE_HANDLERS has no {name!r}" for name in server.SERVICES if name not in handlers]
    for name in ("athena", "glue"):
        handler = handlers.get(name)
        if not inspect.iscoroutinefunction(handler):
            lines.append(f"the handler of {name!r} is no coroutine function")
        elif _parameters(handler) != HANDLER_PARAMETERS:
            lines.append(f"the handler of {name!r} takes {_parameters(handler)}, expected {HANDLER_PARAMETERS}")
    return lines


if __name__ == "__main__":
    print(json.dumps({"version": importlib.metadata.version("ministack"), "missing": missing()}))

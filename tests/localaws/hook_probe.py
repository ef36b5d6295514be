"""Says what of ministack's inside our code relies on is there. Runs in the local AWS's interpreter, prints JSON."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
import threading
from typing import Any

from localaws import server
from localaws.dynamodb import service

# module -> the functions we call, with the parameters that we pass or are passed
FUNCTIONS = {
    "ministack.app": {"_reset_all_state": [], "app": ["scope", "receive", "send"]},
    "ministack.core.iam_actions": {
        "dynamodb_resource_arns": ["body", "region", "account_id"],
        "extract_iam_action": ["service", "method", "path", "headers", "body", "query_params"],
        "extract_resource_arn": [
            "service",
            "method",
            "path",
            "headers",
            "body",
            "query_params",
            "region",
            "account_id",
        ],
    },
    "ministack.core.iam_evaluator": {
        "EvalContext": [
            "principal_arn",
            "principal_type",
            "principal_account",
            "action",
            "resource_arn",
            "region",
        ],
        "_gather_role_policies": ["role_name", "account_id"],
        "_service_principal_matches": ["principal", "service"],
        "evaluate": ["ctx", "policies"],
        "resolve_credential": ["access_key_id", "account_id"],
    },
    "ministack.core.lambda_runtime": {
        "_account_region_from_function_config": ["config"],
        "execution_credentials": ["config"],
        "reset": [],
    },
    "ministack.core.responses": {"get_account_id": [], "get_region": [], "request_scope": ["account_id", "region"]},
    "ministack.core.router": {"extract_access_key_id": ["headers", "query_params"]},
    "ministack.services.cloudformation.stacks": {"_runs_on_worker_thread": ["resource_type"]},
    "ministack.services.athena": {"_arn_workgroup": ["name"], "_ensure_default_workgroup": []},
    "ministack.services.dynamodb": {
        "_build_change_record": ["table", "event_name", "old_item", "new_item", "view_type"],
        "_emit_stream_event": ["table_name", "event_name", "old_item", "new_item"],
        "_execute_statement": ["data"],
        "_execute_transaction": ["data"],
        "_item_size_bytes": ["item"],
        "_items_replaced": ["table"],
        "_next_stream_seq": [],
        "_normalize_table_name": ["value"],
        "_remove_item": ["table", "pk_val", "sk_val"],
        "_set_item": ["table", "pk_val", "sk_val", "item"],
        "_sse_description_from_spec": ["spec"],
        "closed_stream": ["stream_arn"],
        "stream_records_since": ["table_name", "position", "limit"],
        "stream_start_position": ["table_name"],
    },
    "ministack.services.kms": {"_resolve_key": ["key_id_or_arn"]},
    "ministack.services.lambda_svc": {
        "_create_esm": ["data"],
        "_create_function": ["data"],
        "_execute_function": ["func", "event"],
        "_fetch_code_from_s3": ["bucket", "key", "version_id"],
        "_find_layer_version": ["layer_name", "version", "account_id", "region", "include_deleted"],
        "_get_func_record_for_qualifier": ["name", "qualifier"],
        "_init_stream_position": ["esm_id", "source_arn", "starting"],
        "_layer_unzipped_size": ["attachment"],
        "_poll_dynamodb_streams": [],
        "_publish_layer_version": ["layer_name", "data"],
        "_resolve_layer_version_for_attachment": ["layer_arn"],
        "_resolve_layer_zip": ["attachment"],
        "_resolve_request_scoped_name_and_qualifier": [],
        "_unzipped_size": ["zip_data"],
        "_update_code": ["name", "data"],
        "_update_config": ["name", "data"],
        "_update_esm": ["esm_id", "data"],
        "error_response_json": ["code", "message"],
    },
    "ministack.services.s3": {"_bucket_owner_account": ["name"]},
    "ministack.services.sns": {"publish_internal": ["topic_arn", "message"]},
    "ministack.services.sts": {"register_session": ["access_key", "session"]},
    "ministack.services.sqs": {"_act_send_message": ["data", "qurl"], "_queue_url": ["name"]},
}
# module -> stores that we read and write, kept apart by account and region
STORES = {
    "ministack.services.athena": ["_workgroups"],
    "ministack.services.dynamodb": ["_pitr_settings", "_stream_records", "_tables", "_ttl_settings"],
    "ministack.services.glue": [
        "_databases",
        "_partition_column_statistics",
        "_partition_indexes",
        "_partitions",
        "_table_column_statistics",
        "_tables",
    ],
    "ministack.services.lambda_svc": ["_dynamodb_stream_positions", "_esms", "_functions"],
}
STORE_METHODS = [
    "__contains__",
    "__delitem__",
    "__getitem__",
    "__setitem__",
    "all_items",
    "get",
    "get_scoped",
    "items",
    "pop",
    "setdefault",
    "values",
]
# CloudFormation resource -> what its create, update and delete handlers take
TEMPLATE_HANDLERS = {
    "AWS::DynamoDB::Table": {
        "create": ["logical_id", "props", "stack_name"],
        "update": ["physical_id", "old_props", "new_props", "stack_name", "logical_id"],
        "delete": ["physical_id", "props"],
    },
    "AWS::Lambda::Function": {"create": ["logical_id", "props", "stack_name"]},
    "AWS::Lambda::LayerVersion": {"create": ["logical_id", "props", "stack_name"]},
    "AWS::Lambda::EventSourceMapping": {
        "create": ["logical_id", "props", "stack_name"],
        "update": ["physical_id", "old_props", "new_props", "stack_name"],
        "delete": ["physical_id", "props"],
    },
}
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
    router = importlib.import_module("ministack.core.router")
    if not isinstance(getattr(router, "SERVICE_PATTERNS", None), dict):
        lines.append("ministack.core.router.SERVICE_PATTERNS is gone")
    lines += [f"AccountRegionScopedDict.{name} is gone" for name in STORE_METHODS if not hasattr(scoped, name)]
    for module_name, stores in STORES.items():
        module = importlib.import_module(module_name)
        for name in stores:
            if not isinstance(getattr(module, name, None), scoped):
                lines.append(f"{module_name}.{name} is no AccountRegionScopedDict")
    return lines + _handlers_missing() + _templates_missing() + _reaper_missing() + _instances_missing()


def _handlers_missing() -> list[str]:
    handlers = importlib.import_module("ministack.app").SERVICE_HANDLERS
    lines = [f"SERVICE_HANDLERS has no {name!r}" for name in server.SERVICES if name not in handlers]
    for name in ("athena", "cloudformation", "dynamodb", "glue", "lambda"):
        handler = handlers.get(name)
        if not inspect.iscoroutinefunction(handler):
            lines.append(f"the handler of {name!r} is no coroutine function")
        elif _parameters(handler) != HANDLER_PARAMETERS:
            lines.append(f"the handler of {name!r} takes {_parameters(handler)}, expected {HANDLER_PARAMETERS}")
    return lines


def _templates_missing() -> list[str]:
    registered = importlib.import_module("ministack.services.cloudformation.provisioners")._RESOURCE_HANDLERS
    return [
        f"{resource} {name} takes {_parameters(registered[resource][name])}, expected {parameters}"
        for resource, handlers in TEMPLATE_HANDLERS.items()
        for name, parameters in handlers.items()
        if _parameters(registered[resource][name]) != parameters
    ]


def _instances_missing() -> list[str]:
    """What of an instance of a function we start, read and clean up."""
    runtime = importlib.import_module("ministack.core.lambda_runtime")
    functions = importlib.import_module("ministack.services.lambda_svc")
    worker = runtime.Worker("name", {}, b"")
    names = (
        "_spawn",
        "_proc",
        "_tmpdir",
        "_read_stderr",
        "_stderr_thread",
        "_drain_stderr",
        "_discard_tmpdir",
        "config",
    )
    lines = [f"Worker.{name} is gone" for name in names if not hasattr(worker, name)]
    for module, constants in (
        (runtime, ("_PYTHON_WORKER_SCRIPT", "_RESERVED_RUNTIME_ENV_VARS", "HOST_PREFIX_ENV")),
        (functions, ("_UNZIPPED_LIMIT_BYTES",)),
    ):
        lines += [f"{module.__name__}.{name} is gone" for name in constants if not hasattr(module, name)]
    words = ("code_dir", "module", "handler", "function_name", "memory", "arn")
    return lines + [
        f"the instance's program reads no {word}" for word in words if f'"{word}"' not in runtime._PYTHON_WORKER_SCRIPT
    ]


def _reaper_missing() -> list[str]:
    """Our clock ends ministack's sweep of expired items; it must be in a thread of the name that we look for."""
    importlib.import_module("ministack.services.dynamodb")
    running = [thread.name for thread in threading.enumerate()]
    return [] if service._REAPER in running else [f"no thread {service._REAPER!r}, there are {running}"]


if __name__ == "__main__":
    print(json.dumps({"version": importlib.metadata.version("ministack"), "missing": missing()}))

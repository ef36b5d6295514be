"""What Lambda does with a function's rights: it takes messages of queues, and writes the function's log.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions and
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html#monitoring-cloudwatchlogs-prereqs
"""

from __future__ import annotations

from typing import Any

from localaws.iam.rights import allowed_to_role, enforced

_TAKING = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")


def install(service: Any) -> None:
    """Have ministack's Lambda ask for these rights: without them a mapping is refused, or stands still, and a log stays
    empty."""
    create, concurrency, emit = service._create_esm, service._sqs_esm_concurrency, service._emit_lambda_logs

    def creating(request: dict[str, Any]) -> Any:
        missing = missing_for_queue(service, request)
        if missing:
            return service.error_response_json("InvalidParameterValueException", missing, 400)
        return create(request)

    def polling(mapping: dict[str, Any], *arguments: Any) -> int:
        limit: int = concurrency(mapping, *arguments)
        return 0 if missing_for_queue(service, mapping) else limit

    def logging(function: dict[str, Any], *arguments: Any, **options: Any) -> None:
        if _may_log(service, function):
            emit(function, *arguments, **options)

    service._create_esm, service._sqs_esm_concurrency, service._emit_lambda_logs = creating, polling, logging


def missing_for_queue(service: Any, mapping: dict[str, Any]) -> str:
    """Why Lambda refuses a mapping of a queue: what the function's role lacks; "" for what is in order."""
    queue = mapping.get("EventSourceArn", "")
    if not enforced() or ":sqs:" not in queue:
        return ""
    name, qualifier = service._resolve_request_scoped_name_and_qualifier(mapping.get("FunctionName", ""))
    _, configuration = service._get_func_record_for_qualifier(name, qualifier)
    role = (configuration or {}).get("Role", "")
    for action in _TAKING if role else ():
        if not allowed_to_role(role, f"sqs:{action}", queue):
            return f"The provided execution role does not have permissions to call {action} on SQS"
    return ""


def _may_log(service: Any, function: dict[str, Any]) -> bool:
    if not enforced():
        return True
    configuration = function.get("config") or function
    name = configuration.get("FunctionName", "")
    group = (configuration.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    parts = str(configuration.get("FunctionArn", "")).split(":")
    stream = f"arn:aws:logs:{parts[3]}:{parts[4]}:log-group:{group}:log-stream:{name}"
    return all([allowed_to_role(configuration.get("Role", ""), action, stream) for action in _LOGGING])

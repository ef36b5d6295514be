"""Starts ministack in this process with our own handlers in front, on one socket of 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.metadata
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws import cloudformation, functions, stacks
from localaws.athena.service import AthenaService
from localaws.clock import ServiceClock, clock_control
from localaws.control import Control, members, with_controls
from localaws.dynamodb.service import DynamoDbService
from localaws.glue.service import GlueService
from localaws.hosts import with_hosts
from localaws.iam import caches, missing_objects, queues, records, requests, rights, sizes
from localaws.iam import functions as function_rights
from localaws.keeping import Header, Keeper, KeepError, Part
from localaws.protocol import Handler, Headers, Reply
from localaws.quicksight import rights as quicksight_rights
from localaws.quicksight import templates as quicksight_templates
from localaws.quicksight.service import QuickSightService
from localaws.settings import SettingError, Settings
from localaws.streams.poller import StreamPoller

MINISTACK_VERSION = "1.5.33"
HOST = "127.0.0.1"

# What Lakelanes uses on AWS. Everything else stays off: several of ministack's other services listen on all interfaces.
SERVICES = (
    "athena",
    "cloudformation",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "glue",
    "iam",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
    "tagging",
)
# What we have and ministack has not.
OWN_SERVICES = ("quicksight",)

# Open requests get this long to finish after a stop was asked for.
_GRACE_SECONDS = 0.3
_READY_SECONDS = 60.0


class StartError(RuntimeError):
    """The local AWS cannot start; the message says why and what to do."""


def run(port: int, state: Path, parent_pid: int | None = None, engine: Any = None) -> int:
    """Serve the local AWS on ``127.0.0.1:port`` until it is asked to stop.

    Prints ``localaws ready http://127.0.0.1:PORT`` on standard output once the server answers. Everything written to
    disk goes below ``state``. Ends on SIGTERM or SIGINT, and when the process ``parent_pid`` is gone. ``engine`` takes
    the place of Athena's SQL engine. Returns the exit code; raises StartError for a wrong ministack, a taken port, a
    state folder that cannot be written, or kept data that cannot be used.
    """
    check_version()
    try:
        settings = Settings.of_environment()
    except SettingError as error:
        raise StartError(str(error)) from error
    try:
        listener = _listen(port) if port or settings.keep is None else _listen_again(settings.keep)
        port = listener.getsockname()[1]
        _prepare_environment(port, state)
        installed = _load(state, f"http://{HOST}:{port}", settings, engine)
    except KeepError as error:
        raise StartError(str(error)) from error
    code = asyncio.run(_serve(installed, listener, port, parent_pid))
    if installed.keeper is not None:
        code = _save(installed.keeper) or code
    sys.stdout.flush()
    sys.stderr.flush()
    # A worker thread may still be inside a query or a Lambda; interpreter shutdown would wait for it.
    os._exit(code)


def check_version() -> None:
    """Raise StartError unless the installed ministack is the one our hooks were written for."""
    try:
        found = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != MINISTACK_VERSION:
        raise StartError(
            f"found ministack {found} in {sys.executable}, expected {MINISTACK_VERSION}: its inner hooks are used, so "
            f"install ministack=={MINISTACK_VERSION}, or move the pin and run tests/localaws/test_hooks.py"
        )


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise StartError(f"cannot listen on {HOST}:{port}: {error.strerror}; choose another --port, or 0") from error
    return listener


def _listen_again(keep: Path) -> socket.socket:
    """On the port of the server whose data are kept, where that is free: somebody may have noted it."""
    header = Header.read(keep)
    with contextlib.suppress(StartError):
        return _listen(header.port if header else 0)
    return _listen(0)


def _prepare_environment(port: int, state: Path) -> None:
    """Set what ministack reads from the environment while it is imported."""
    temporary = state / "tmp"
    try:
        temporary.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"cannot write the state folder {state}: {error.strerror}") from error
    state = state.resolve()
    for name in ("AWS_ENDPOINT_URL", "EDGE_PORT", "LOCALSTACK_PERSISTENCE", "MINISTACK_HOST", "USE_SSL"):
        os.environ.pop(name, None)
    os.environ.update(
        {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "SERVICES": ",".join(SERVICES),
            "TMPDIR": str(temporary.resolve()),
            "STATE_DIR": str(state / "ministack"),
            "S3_DATA_DIR": str(state / "s3"),
            "PERSIST_STATE": "0",
            # With persistence a ranged GET re-reads the whole object.
            "S3_PERSIST": "0",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # Containers would publish ports on all interfaces; nothing here needs one.
            "DOCKER_HOST": f"unix://{state / 'no-docker.sock'}",
            "LAMBDA_EXECUTOR": "local",
        }
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    tempfile.tempdir = None


@dataclass(frozen=True)
class Installed:
    """ministack with our handlers in: the ASGI application, what runs beside it on the event loop, what lets it start
    no more work, and what keeps its data."""

    application: Any
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]
    quiet: Callable[[], None]
    keeper: Keeper | None = None


def _load(state: Path, endpoint_url: str, settings: Settings, engine: Any) -> Installed:
    """Import ministack and put our handlers in."""
    from ministack import app as application

    return install(application, state.resolve(), endpoint_url, settings, engine)


def install(application: Any, state: Path, endpoint_url: str, settings: Settings, engine: Any = None) -> Installed:
    """Put our services in front of ministack's or in their place, and make its reset clear our state as well."""
    clock = ServiceClock(settings.clock_offset)
    handlers = application.SERVICE_HANDLERS
    athena = AthenaService(endpoint_url, state / "athena", handlers["athena"], engine)
    catalog = GlueService(handlers["glue"])
    poller = StreamPoller(clock, settings.stream_retry_seconds)
    dynamodb = DynamoDbService(endpoint_url, handlers["dynamodb"], clock, settings, poller.wake)
    handlers["athena"] = athena.handle
    handlers["glue"] = catalog.handle
    handlers["dynamodb"] = dynamodb.handle
    handlers["s3"] = missing_objects.hidden(handlers["s3"])
    quicksight = _add_quicksight(handlers, QuickSightService(endpoint_url, clock, settings.ingestion_seconds))
    evaluations = _attach_iam(settings, athena)

    @functools.cache
    def attach_streams() -> None:
        from ministack.core import lambda_runtime
        from ministack.services import dynamodb as streams
        from ministack.services import lambda_svc

        functions.install(lambda_svc, lambda_runtime, state, settings.layers)
        function_rights.install(lambda_svc)
        poller.attach(lambda_svc, streams)

    @functools.cache
    def attach_templates() -> None:
        from ministack.services import dynamodb as streams
        from ministack.services.cloudformation import provisioners
        from ministack.services.cloudformation import stacks as template_stacks

        attach_streams()
        cloudformation.attach(provisioners, streams, dynamodb.recoveries, poller.mapped)
        stacks.attach(athena.has_queries, athena.forget_queries)
        sizes.attach(provisioners._RESOURCE_HANDLERS, provisioners._iam)
        quicksight_templates.attach(provisioners, template_stacks, quicksight, clock.seconds)

    handlers["sns"] = _attached_first(handlers["sns"], functools.cache(_attach_queues))
    handlers["lambda"] = _attached_first(handlers["lambda"], attach_streams)
    handlers["cloudformation"] = _attached_first(handlers["cloudformation"], attach_templates)
    reset_ministack = application._reset_all_state

    def reset_everything() -> None:
        athena.reset()
        reset_ministack()
        catalog.reset()
        dynamodb.reset()
        quicksight.reset()
        clock.reset(settings.clock_offset)
        evaluations.reset()

    application._reset_all_state = reset_everything
    server = with_hosts(with_controls(application.app, _controls(clock, dynamodb, quicksight, evaluations)))
    if settings.keep is None:
        return Installed(server, (dynamodb.sweep_regularly,), poller.stop)
    # What is restored may be at work at once, so nothing waits for the first request.
    attach_templates()
    keeper = _restored(settings.keep, _parts(clock, catalog, dynamodb, quicksight), endpoint_url, poller)
    return Installed(server, (dynamodb.sweep_regularly,), poller.stop, keeper)


def _restored(path: Path, parts: dict[str, Part], endpoint_url: str, poller: StreamPoller) -> Keeper:
    """What keeps the data in a file, with what the file holds taken over."""
    keeper = Keeper(path, parts, int(endpoint_url.rpartition(":")[2]))
    if keeper.restore():
        _resume(poller)
    return keeper


def _parts(
    clock: ServiceClock, catalog: GlueService, dynamodb: DynamoDbService, quicksight: QuickSightService
) -> dict[str, Part]:
    """What has data of its own, beside ministack."""
    return {
        "clock": clock,
        "exports": dynamodb.exports,
        "ingestions": quicksight.ingestions,
        "quicksight": quicksight.store,
        "recoveries": dynamodb.recoveries,
        "spice": quicksight.spice,
        "stream records": dynamodb.writes,
        "table versions": catalog.catalog,
        "ttl": dynamodb.ttl,
    }


def _resume(poller: StreamPoller) -> None:
    """Let queues and streams be read again by the functions that are mapped to them."""
    from ministack.services import lambda_svc

    if lambda_svc._esms.has_any():
        lambda_svc._ensure_poller()
    poller.mapped()


def _controls(
    clock: ServiceClock, dynamodb: DynamoDbService, quicksight: QuickSightService, evaluations: records.Records
) -> dict[tuple[str, str], Control]:
    """The controls, by method and path."""
    return {
        ("GET", "clock"): lambda request: clock_control(clock, members(request)),
        ("POST", "clock"): lambda request: clock_control(clock, request),
        ("GET", "dynamodb/exports"): lambda request: dynamodb.exports.control(members(request)),
        ("POST", "dynamodb/exports"): dynamodb.exports.control,
        ("POST", "dynamodb/ttl-sweep"): dynamodb.ttl.control,
        ("GET", "iam"): lambda request: members(request) or evaluations.shown(),
        ("GET", "quicksight/ingestions"): lambda request: quicksight.ingestions_control(members(request)),
        ("POST", "quicksight/ingestions"): quicksight.ingestions_control,
        ("POST", "quicksight/spice"): quicksight.spice_control,
    }


def _add_quicksight(handlers: dict[str, Handler], service: QuickSightService) -> QuickSightService:
    """Route what is signed for QuickSight, which ministack does not know, to its handler; returns the service."""
    from ministack.core import router

    router.SERVICE_PATTERNS["quicksight"] = {}
    handlers["quicksight"] = service.handle
    return service


def _attach_queues() -> None:
    from ministack.services import sqs

    queues.install(sqs)


def _attach_iam(settings: Settings, athena: AthenaService) -> records.Records:
    """Make ministack's IAM read requests as AWS does, and note what it evaluates."""
    from ministack.core import iam_actions, iam_evaluator

    evaluations = records.Records(settings.iam_records if rights.enforced() else None)
    requests.install(iam_actions, athena.workgroup_of)
    quicksight_rights.install(iam_actions)
    caches.install(iam_evaluator)
    records.install(iam_evaluator, evaluations)
    rights.record_into(evaluations)
    return evaluations


def _attached_first(handler: Handler, attach: Callable[[], None]) -> Handler:
    """The handler, with our part of its service put in at the first request, because importing it is slow."""

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: dict[str, list[str]]) -> Reply:
        attach()
        return await handler(method, path, headers, body, query)

    return handle


async def _serve(installed: Installed, listener: socket.socket, port: int, parent_pid: int | None) -> int:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watch = _watch_parent(parent_pid, stop.set) if parent_pid is not None else None

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = _GRACE_SECONDS
    config.loglevel = os.environ["LOG_LEVEL"].upper()
    server = asyncio.create_task(serve(installed.application, config, shutdown_trigger=stop.wait))
    background = [asyncio.create_task(run()) for run in installed.background]
    ready = asyncio.create_task(_announce(port))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({server, stopping}, return_when=asyncio.FIRST_COMPLETED)
        # The server closes idle connections itself, but waits for a busy one forever.
        await asyncio.wait({server}, timeout=_GRACE_SECONDS)
        if server.done() and not server.cancelled() and server.exception() is not None:
            print(f"localaws: the server failed: {server.exception()!r}", file=sys.stderr)
            return 1
        return 0
    finally:
        for task in (ready, watch, *background):
            if task is not None:
                task.cancel()
        installed.quiet()
        _stop_lambdas()


def _watch_parent(pid: int, gone: Callable[[], None]) -> asyncio.Task[None] | None:
    """Call ``gone`` once the process is gone; returns a task to keep where the system has no process descriptors."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        gone()
        return None
    except (AttributeError, OSError):
        return asyncio.create_task(_poll_parent(pid, gone))
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(descriptor)
        gone()

    loop.add_reader(descriptor, ended)
    return None


async def _poll_parent(pid: int, gone: Callable[[], None]) -> None:
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            gone()
            return
        except PermissionError:
            pass
        await asyncio.sleep(0.2)


async def _announce(port: int) -> None:
    """Print the ready line once a request is answered."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_SECONDS
    while loop.time() < deadline:
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            if await asyncio.wait_for(_answers(port), timeout=1.0):
                print(f"localaws ready http://{HOST}:{port}", flush=True)
                return
        await asyncio.sleep(0.01)
    print(f"localaws: no answer on {HOST}:{port} after {_READY_SECONDS:.0f} s", file=sys.stderr)


async def _answers(port: int) -> bool:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET /_ministack/health HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return b" 200 " in await reader.readline()
    finally:
        writer.close()


def _save(keeper: Keeper) -> int:
    """Keep everything; returns the exit code."""
    try:
        header = keeper.save()
    except KeepError as error:
        print(f"localaws: {error}", file=sys.stderr)
        return 1
    print(f"localaws: kept {header.objects} objects of {header.bytes} bytes", file=sys.stderr)
    return 0


def _stop_lambdas() -> None:
    """End the processes that ministack started for Lambda functions, when there are any, and start none any more."""
    service: Any = sys.modules.get("ministack.services.lambda_svc")
    if service is not None:
        service._poll_sqs = lambda: False
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    if runtime is not None:
        runtime.reset()

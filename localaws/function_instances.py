"""Instances of functions as on AWS: code, layers and the standard library, and nothing else of this machine.

ministack starts its own interpreter with its own libraries and environment, so a function finds there what its package
lacks. Here the interpreter is started with neither (-I -S), and what AWS puts on the path is put on the path, in AWS's
order: the code, the layers, the standard library
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-searchpath). The SDK that Lambda's runtime
brings is left out: its version is AWS's to choose. Environment variables are those of
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html and the function's own.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

_REPLY_LINES = 200
# A layer of more takes seconds to unpack, so it is worth a place that outlives this local AWS.
_LARGE_BYTES = 8 << 20
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


class Unpacked:
    """Archives unpacked below a folder, each once; several processes may use the same one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def folder_of(self, archive: bytes, digest: str | None = None) -> Path:
        """The folder with the archive's files; ``digest``: its SHA-256 in hexadecimal, where it is known."""
        target = self._folder / (digest or hashlib.sha256(archive).hexdigest())
        if target.is_dir():
            return target
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock, (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_dir():
                partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self._folder))
                try:
                    _extract(archive, partial)
                    partial.rename(target)
                finally:
                    shutil.rmtree(partial, ignore_errors=True)
        return target


def _extract(archive: bytes, folder: Path) -> None:
    """Its files with their permissions, as Lambda has them; zipfile keeps every name inside the folder."""
    with zipfile.ZipFile(BytesIO(archive)) as inside:
        for entry in inside.infolist():
            path = inside.extract(entry, folder)
            if mode := entry.external_attr >> 16 & 0o777:
                os.chmod(path, mode)


def install(service: Any, runtime: Any, bundles: Unpacked, layers: Unpacked) -> None:
    """Make ministack's instances of Python functions start so. ``layers``: for large ones."""
    spawn = runtime.Worker._spawn

    def isolated(worker: Any) -> None:
        if str(worker.config.get("Runtime", "")).startswith("python"):
            _start(worker, service, runtime, bundles, layers)
        else:
            spawn(worker)

    runtime.Worker._spawn = isolated


def _start(worker: Any, service: Any, runtime: Any, bundles: Unpacked, layers: Unpacked) -> None:
    """Starts an instance's process and waits until it has imported the handler. Raises RuntimeError."""
    worker._discard_tmpdir()
    worker._tmpdir = tempfile.mkdtemp(prefix=f"lambda-{worker.func_name}-")
    folder = Path(worker._tmpdir)
    code = bundles.folder_of(worker.code_zip)
    # A later layer is unpacked over an earlier one.
    unpacked = [
        _unpacked_layer(service, bundles, layers, layer) for layer in reversed(worker.config.get("Layers") or [])
    ]
    path = [found for layer in unpacked for found in layer_path(layer)]
    program = folder / "bootstrap.py"
    program.write_text(f"import sys\nsys.path[:0] = {path!r}\n{runtime._PYTHON_WORKER_SCRIPT}")
    scratch = folder / "tmp"
    scratch.mkdir()
    variables = dict((worker.config.get("Environment") or {}).get("Variables") or {})
    worker._proc = subprocess.Popen(
        [sys.executable, "-I", "-S", program],
        cwd=code,
        env=_environment(worker.config, variables, runtime, code, scratch),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    worker._stderr_thread = threading.Thread(target=worker._read_stderr, daemon=True, name=f"stderr-{worker.func_name}")
    worker._stderr_thread.start()
    module, _, handler = str(worker.config["Handler"]).rpartition(".")
    beginning = {
        "code_dir": str(code),
        "module": module.replace("/", "."),
        "handler": handler,
        "function_name": worker.config.get("FunctionName", ""),
        "memory": worker.config.get("MemorySize", 128),
        "arn": worker.config.get("FunctionArn", ""),
    }
    worker._proc.stdin.write(json.dumps(beginning) + "\n")
    worker._proc.stdin.flush()
    _wait_ready(worker)


def _wait_ready(worker: Any) -> None:
    for _ in range(_REPLY_LINES):
        line = worker._proc.stdout.readline()
        if not line:
            worker._stderr_thread.join(1.0)
            raise RuntimeError(f"the instance ended while it started: {worker._drain_stderr()[-4000:]}")
        if line.startswith("{"):
            reply = json.loads(line)
            if reply.get("status") != "ready":
                raise RuntimeError(f"Unable to import module '{worker.config['Handler']}': {reply.get('error')}")
            return
    raise RuntimeError("the instance says other things than that it is ready")


def layer_path(layer: Path) -> list[str]:
    """What of an unpacked layer is on Python's path:
    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html#packaging-layers-paths"""
    places = (layer / "python" / "lib" / _PYTHON / "site-packages", layer / "python")
    return [str(place) for place in places if place.is_dir()]


def _unpacked_layer(service: Any, bundles: Unpacked, layers: Unpacked, layer: str | Mapping[str, Any]) -> Path:
    archive = service._resolve_layer_zip(layer)
    arn = layer if isinstance(layer, str) else layer["Arn"]
    if archive is None:
        raise RuntimeError(f"the layer {arn} has no content here")
    _, _, _, region, account, _, name, number = arn.split(":")
    version, _ = service._find_layer_version(name, int(number), account, region, include_deleted=True)
    known = (version or {}).get("Content", {}).get("CodeSha256")
    store = layers if len(archive) > _LARGE_BYTES else bundles
    return store.folder_of(archive, base64.b64decode(known).hex() if known else None)


def _environment(
    config: Mapping[str, Any], variables: Mapping[str, str], runtime: Any, code: Path, scratch: Path
) -> dict[str, str]:
    _, region = runtime._account_region_from_function_config(config)
    name = str(config.get("FunctionName", ""))
    own = {key: value for key, value in variables.items() if key not in runtime._RESERVED_RUNTIME_ENV_VARS}
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}", runtime.HOST_PREFIX_ENV: "true"}
    return {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        # Without it the SDK would look for the settings of whoever runs the local AWS.
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        **endpoint,
        **own,
        "_HANDLER": str(config["Handler"]),
        "_LAMBDA_FUNCTION_ARN": str(config.get("FunctionArn", "")),
        "_LAMBDA_TIMEOUT": str(config.get("Timeout", 3)),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime')}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": group,
        "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
        "LAMBDA_TASK_ROOT": str(code),
        **runtime.execution_credentials(config),
    }

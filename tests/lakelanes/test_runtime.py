"""What the engine takes for granted of pyarrow and botocore, and what it says where that is not so."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pyarrow as pa
import pytest

from lakelanes import runtime
from lakelanes.aws import clients
from lakelanes.errors import LibraryError
from lakelanes.lake import Lake
from tests.support.lakes import make_config
from tests.support.localaws import REPOSITORY

# A pyarrow as AWS's layer of pandas has it: its codecs are switched off when it is built.
WITHOUT_CODECS = """
import pyarrow as pa
def missing(*_, compression=None, **__):
    raise pa.ArrowNotImplementedError(f"Support for codec '{compression}' not built")
pa.ipc.IpcWriteOptions = missing
pa.Codec = type("Codec", (), {"is_available": staticmethod(lambda name: name in ("gzip", "snappy"))})
"""


@pytest.fixture(autouse=True)
def unchecked() -> Iterator[None]:
    """Nothing is remembered from one test to the next."""
    runtime.check_arrow.cache_clear()
    yield
    runtime.check_arrow.cache_clear()


def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


class Model:
    """A service of an older botocore: some parameters less."""

    def __init__(self, service: str, *unknown: str) -> None:
        self._model, self._unknown = model(service), unknown
        self.operation_names = [name for name in self._model.operation_names if name not in unknown]

    def operation_model(self, name: str) -> Any:
        members = self._model.operation_model(name).input_shape.members
        left = {each: shape for each, shape in members.items() if f"{name}.{each}" not in self._unknown}
        return type("Operation", (), {"input_shape": type("Shape", (), {"members": left})})


def test_a_start_is_not_searched_for_garbage_and_what_comes_after_it_is() -> None:
    with runtime.starting():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(LibraryError), runtime.starting():
        raise LibraryError("one", "two")
    assert gc.isenabled()


def test_the_libraries_of_the_constraints_have_everything() -> None:
    runtime.check_arrow()
    for service in runtime.PARAMETERS:
        runtime.check_client(service, model(service))


@pytest.mark.parametrize(
    ("available", "fault"),
    [
        ({"zstd"}, r"was built without lz4 \(for rows on their way to many partitions\): install"),
        ({"lz4"}, r"was built without zstd \(for tables, and compressed files\): install"),
        (set(), r"without lz4 .* and zstd .*make package"),
    ],
)
def test_a_lake_does_not_open_without_a_codec(monkeypatch: pytest.MonkeyPatch, available: set[str], fault: str) -> None:
    monkeypatch.setattr(pa, "Codec", type("Codec", (), {"is_available": staticmethod(available.__contains__)}))
    with pytest.raises(LibraryError, match=f"pyarrow {pa.__version__} in .*{fault}"):
        Lake.open(make_config())


def test_a_pyarrow_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pa, "__version__", "16.1.0")
    with pytest.raises(LibraryError, match=r"pyarrow 16\.1\.0 in .* is older than 17\.0: install"):
        runtime.check_arrow()
    runtime.check_arrow.cache_clear()
    monkeypatch.setattr(pa, "__version__", "17.0.0.dev3")
    runtime.check_arrow()


def test_the_functions_say_what_is_missing_instead_of_failing_at_an_import() -> None:
    program = f"{WITHOUT_CODECS}\nimport file_processor; file_processor.handler({{'Records': []}}, None)"
    environment = {
        "PYTHONPATH": f"{REPOSITORY / 'plugins'}:{REPOSITORY / 'lambdas'}",
        "AWS_ACCOUNT_ID": "1" * 12,
        "LAKE_MAX_RECEIVES": "3",
        "LAKE_FILE_QUEUE_URL": "https://sqs.invalid/queue",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith("lakelanes.errors.LibraryError: pyarrow"), done.stderr
    assert "without lz4" in last and "zstd" in last and "make package" in last


def test_a_botocore_that_lacks_a_condition_is_named() -> None:
    old = Model("s3", "CopyObject.IfMatch", "DeleteObject.IfMatch")
    with pytest.raises(
        LibraryError, match=r"botocore [\d.]+ in .* IfMatch of CopyObject, IfMatch of DeleteObject \(s3\): install"
    ):
        runtime.check_client("s3", old)
    with pytest.raises(LibraryError, match="IncrementalExportSpecification of ExportTableToPointInTime"):
        runtime.check_client("dynamodb", Model("dynamodb", "ExportTableToPointInTime"))
    runtime.check_client("sns", Model("sns"))


def test_a_client_is_not_made_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(runtime.PARAMETERS, "s3", {"PutObject": ("IfNeverSeen",)})  # type: ignore[arg-type]
    with pytest.raises(LibraryError, match="does not know IfNeverSeen of PutObject"):
        clients.client("s3", "us-east-1")
    clients.client("sqs", "us-east-1")


def test_every_condition_that_the_engine_sends_is_looked_for() -> None:
    """The words that stand in the code, where they are parameters of S3 or DynamoDB."""
    text = "\n".join(path.read_text() for path in Path(runtime.__file__).parent.rglob("*.py"))
    for service, operations in runtime.PARAMETERS.items():
        for operation in operations:
            known = model(service).operation_model(operation).input_shape.members
            call = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
            assert f".{call}(" in text, f"{operation} is called"
            assert set(operations[operation]) <= known.keys()

"""Keeps what the local AWS holds in memory in one file, from an orderly stop to the next start.

The file is a line of JSON that says what it holds and by which version it was written, and one pickle, so that what was
one object in two places is one again. It is replaced as a whole: a save that is cut short leaves the one before. As
long as a server is open on it, FILE.open lies beside it; where that is found at a start, the server before was not
stopped in order, and FILE is older than what it had served.

Of ministack, the stores are kept that are apart by account and region, which is all that its services hold for their
callers; of ours, what ``parts`` gives. Queries of Athena, sessions of STS and running instances of functions are not.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import json
import os
import pickle
import sys
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from localaws.access import Caller
from localaws.dynamodb.export_job import ExportJob
from localaws.dynamodb.export_requests import ExportRequest
from localaws.dynamodb.exports import Export
from localaws.dynamodb.journal import Journal
from localaws.dynamodb.recovery import Recovery
from localaws.quicksight.ingestions import Ingestion
from localaws.quicksight.spice import Copy
from localaws.quicksight.store import Resource, Scope
from localaws.quicksight.tables import Column, Table

SERVICES = "ministack.services."
# Of ours, with the names of their members in the file: what was written with others is not read.
CLASSES: tuple[type, ...] = (
    *(Caller, Column, Copy, Export, ExportJob, ExportRequest, Ingestion, Journal, Recovery, Resource, Scope, Table),
)
PLAIN: tuple[type, ...] = (
    *(dict, list, set, frozenset, bytearray, complex, OrderedDict, defaultdict, deque),
    *(date, datetime, timedelta, timezone, Decimal),
)
_KNOWN = {(each.__module__, each.__qualname__): each for each in (*PLAIN, *CLASSES)}
# A thread that ministack started may still be at work while the stores are written; it is done in no time.
TRIES = 20
_SYNC_BYTES = 64 << 20
# Where ministack's records hold addresses of this server: queues, the stacks that made them, functions' variables.
_WITH_ADDRESSES = ("sqs", "cloudformation", "lambda_svc")


class KeepError(RuntimeError):
    """The data cannot be kept, or what was kept cannot be used; the message says why and what to do."""


class Part(Protocol):
    """A part of the local AWS with data of its own."""

    def kept(self) -> Any:
        """What is to be kept: plain values and instances of CLASSES."""

    def restore(self, kept: Any) -> None:
        """Take over what an earlier server kept."""


@dataclass(frozen=True)
class Header:
    """The file's first line: when it was written (ISO 8601, UTC), by which version, on which port, and how much."""

    saved: str
    version: str
    forms: Mapping[str, list[str]]
    port: int
    objects: int
    bytes: int
    tables: int

    @classmethod
    def read(cls, path: Path) -> Header | None:
        """The header of a file, None when there is no file. Raises KeepError."""
        try:
            with path.open("rb") as file:
                return cls(**json.loads(file.readline()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise KeepError(f"{path} cannot be read ({error}); `make clean` deletes it, data and all") from error


class Keeper:
    """The file ``path``, for a server with the given parts, which listens on ``port``."""

    def __init__(self, path: Path, parts: Mapping[str, Part], port: int) -> None:
        self._path = path
        self._parts = parts
        self._port = port

    def restore(self) -> bool:
        """Read the file into the services and mark it as open; returns whether there was one. Raises KeepError."""
        header = Header.read(self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if header is not None:
            self._check(header)
            self._read(header)
        opened(self._path).touch()
        return header is not None

    def save(self) -> Header:
        """Write the file anew and mark it as closed; returns its header. Raises KeepError, with the file as it was."""
        unfinished = self._path.with_name(self._path.name + ".new")
        for tried in range(TRIES):
            try:
                header = self._write(unfinished)
                break
            except RuntimeError as error:
                # "dictionary changed size during iteration"
                if tried == TRIES - 1:
                    raise KeepError(f"the data cannot be kept: {error}") from error
                time.sleep(0.1)
            except (OSError, pickle.PicklingError, TypeError) as error:
                with contextlib.suppress(OSError):
                    unfinished.unlink()
                raise KeepError(f"the data cannot be kept in {self._path}: {error}") from error
        unfinished.replace(self._path)
        opened(self._path).unlink(missing_ok=True)
        return header

    def _write(self, target: Path) -> Header:
        stores = ministack_stores()
        header = Header(
            datetime.now(UTC).isoformat(timespec="seconds"), _version(), forms(), self._port, *_amounts(stores)
        )
        content = {
            "stores": {name: store._data for name, store in stores.items()},
            "parts": {name: part.kept() for name, part in self._parts.items()},
        }
        # The owner's alone: the keys of users are in it.
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(json.dumps(vars(header)).encode() + b"\n")
            _Pickler(_Synced(file), protocol=5).dump(content)
            file.flush()
            os.fsync(file.fileno())
        return header

    def _check(self, header: Header) -> None:
        if (header.version, header.forms) != (_version(), forms()):
            raise KeepError(
                f"{self._path} was written on {header.saved} by another version of the local AWS ({header.version}, "
                f"here {_version()}): use it with that version, or delete it, data and all, by `make clean`"
            )

    def _read(self, header: Header) -> None:
        try:
            with self._path.open("rb") as file:
                file.readline()
                content = _Unpickler(file).load()
        except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError) as error:
            raise KeepError(f"{self._path} cannot be read: {error}; `make clean` deletes it, data and all") from error
        addresses = _Moved(header.port, self._port)
        for name, data in content["stores"].items():
            module, _, variable = name.partition(":")
            store = getattr(importlib.import_module(module), variable)
            store._data.clear()
            store._data.update(addresses.moved(data) if _holds_addresses(module) else data)
        for name, part in self._parts.items():
            part.restore(content["parts"][name])


def opened(path: Path) -> Path:
    """What lies beside the file as long as a server is open on it."""
    return path.with_name(path.name + ".open")


def ministack_stores() -> dict[str, Any]:
    """The stores of ministack's services that were used, by module and variable, each once."""
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    found: dict[int, tuple[str, Any]] = {}
    # A package is before its modules, which import the stores from it.
    for name in sorted(each for each in sys.modules if each.startswith(SERVICES)):
        for variable, value in vars(sys.modules[name]).items():
            if isinstance(value, (AccountScopedDict, AccountRegionScopedDict)):
                found.setdefault(id(value), (f"{name}:{variable}", value))
    return dict(found.values())


def forms() -> dict[str, list[str]]:
    """The members of each of CLASSES."""
    return {f"{each.__module__}.{each.__qualname__}": _members(each) for each in CLASSES}


def _members(kind: Any) -> list[str]:
    if is_dataclass(kind):
        return [field.name for field in fields(kind)]
    return list(getattr(kind, "_fields", None) or kind.__slots__)


def _version() -> str:
    return f"ministack {importlib.metadata.version('ministack')}"


def _amounts(stores: Mapping[str, Any]) -> tuple[int, int, int]:
    """Objects, their bytes, and DynamoDB's tables."""
    buckets = stores.get(f"{SERVICES}s3:_buckets")
    tables = stores.get(f"{SERVICES}dynamodb:_tables")
    held = [one for bucket in buckets._data.values() for one in bucket["objects"].values()] if buckets else []
    return len(held), sum(len(one.get("body") or b"") for one in held), len(tables._data) if tables else 0


def _holds_addresses(module: str) -> bool:
    return module.removeprefix(SERVICES).split(".")[0] in _WITH_ADDRESSES


class _Synced:
    """A file that is written to the disk as it goes, so that its size shows how far that is."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self._waiting = 0

    def write(self, data: Any) -> int:
        """Write the bytes."""
        written = self._file.write(data)
        self._waiting += written
        if self._waiting > _SYNC_BYTES:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._waiting = 0
        return written


class _Pickler(pickle.Pickler):
    """Refuses what it could not read again."""

    def reducer_override(self, value: Any) -> Any:
        kind = value if isinstance(value, type) else type(value)
        if kind not in _KNOWN.values():
            raise pickle.PicklingError(f"{kind.__module__}.{kind.__qualname__} is not known")
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it holds a {module}.{name}") from None


class _Moved:
    """Addresses of a server that listened on one port as those of one on another."""

    def __init__(self, before: int, now: int) -> None:
        self._pairs = [(f"{host}:{before}/", f"{host}:{now}/") for host in ("//localhost", "//127.0.0.1")]
        self._same = before == now
        self._seen: dict[int, Any] = {}

    def moved(self, value: Any) -> Any:
        """The value with them; what is one object in two places is so again."""
        if self._same:
            return value
        if isinstance(value, str):
            for before, now in self._pairs:
                value = value.replace(before, now)
            return value
        if isinstance(value, tuple):
            return tuple(map(self.moved, value))
        if isinstance(value, (dict, list)) and id(value) not in self._seen:
            self._seen[id(value)] = value
            changed = list(self._entries(value))
            value.clear()
            value.update(changed) if isinstance(value, dict) else value.extend(changed)
        return value

    def _entries(self, value: dict[Any, Any] | list[Any]) -> Iterator[Any]:
        if isinstance(value, list):
            return map(self.moved, value)
        return ((self.moved(key), self.moved(held)) for key, held in value.items())

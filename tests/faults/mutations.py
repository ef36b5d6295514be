"""Ways to break the engine. Each must be found out by the oracle: a harness that cannot fail proves nothing.

Worker processes are told of them as ``tests.faults.mutations:<function>``. ``put_in`` sets an attribute, as setattr.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lakelanes.aws.storage import ObjectWriter
from lakelanes.files import attempt
from lakelanes.ledger.entries import Entry
from lakelanes.ledger.files import Ledger

Put = Callable[[Any, str, Any], None]


def write_unconditionally(put_in: Put = setattr) -> None:
    """Objects are put without If-Match and If-None-Match."""
    original = ObjectWriter.__init__

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self._condition = {}

    init.__defaults__, init.__kwdefaults__ = original.__defaults__, original.__kwdefaults__
    put_in(ObjectWriter, "__init__", init)


def hold_on_to_nothing(put_in: Put = setattr) -> None:
    """A claim says at once that the version is loaded."""
    claim = Ledger._claimed

    def claimed(self: Ledger, *arguments: Any) -> Entry:
        return replace(claim(self, *arguments), state="loaded")

    put_in(Ledger, "_claimed", claimed)


def commit_before_upload(put_in: Put = setattr) -> None:
    """The ledger hears of the table's object before S3 does."""
    commit, finish, waiting = Ledger.loaded, ObjectWriter.close, threading.local()

    def close(self: ObjectWriter) -> None:
        if self._upload is not None or self._aborted or self.etag:
            finish(self)
            return
        body = self._take()
        self.etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        waiting.puts = [*getattr(waiting, "puts", []), (self._s3, {**self._object, **self._attributes, "Body": body})]

    def loaded(self: Ledger, *arguments: Any, **options: Any) -> Entry:
        entry = commit(self, *arguments, **options)
        for s3, put in getattr(waiting, "puts", []):
            s3.put_object(**put)
        waiting.puts = []
        return entry

    put_in(ObjectWriter, "close", close)
    put_in(Ledger, "loaded", loaded)


def forget_the_stamp(put_in: Put = setattr) -> None:
    """Equal files are equal bytes, whoever wrote them: a stale worker may take another's object for its own."""
    original: Any = attempt.convert

    def convert(source: Any, destination: Any, *arguments: Any) -> Any:
        return original(source, replace(destination, stamp={}), *arguments)

    put_in(attempt, "convert", convert)

"""Ways to break the engine's tables. Each must be found out by the oracle, as those of ``tests.faults.mutations``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from lakelanes.convert.values import ValueRefused
from lakelanes.tables import attributes, current, export_requests, import_export, snapshot, stream
from lakelanes.tables.ledger import Export, TableLedger
from tests.faults.mutations import Put


def _in_view(put_in: Put, given: str, other: str) -> None:
    """Replaces a part of the view's SELECT."""
    original = current.view_sql

    def view_sql(*arguments: Any) -> str:
        sql = original(*arguments)
        assert given in sql, given
        return sql.replace(given, other)

    put_in(current, "view_sql", view_sql)


def rank_by_time(put_in: Put = setattr) -> None:
    """Of the stream's changes the view takes one of the newest second."""
    _in_view(put_in, '"_sequence" DESC, "window" DESC, "_written_at" DESC', '"_written_at" DESC, "_sequence" ASC')


def believe_the_stream(put_in: Put = setattr) -> None:
    """No export overrules the stream: what it brought counts, however old it is."""
    original = current.view_sql

    def view_sql(database: str, table: Any, coverage: Any) -> str:
        sql = original(database, table, coverage)
        start, _, rest = sql.partition("\"lane\" = 'stream' AND")
        return f"{start}\"lane\" = 'stream'\n{rest[rest.index(chr(10)) :]}"

    put_in(current, "view_sql", view_sql)


def skip_holes(put_in: Put = setattr) -> None:
    """The view reaches to the last window that is converted, whatever is missing before it."""

    def exported_until(ledger: TableLedger, start: datetime) -> datetime:
        return max([start, *(export.window.end for export in ledger.windows(start) if export.is_converted)])

    put_in(current, "exported_until", exported_until)


def round_decimals(put_in: Put = setattr) -> None:
    """Numbers go through binary fractions on their way."""
    tag, original = attributes._READERS["decimal"]

    def read(text: str, wanted: Any) -> Decimal:
        value: Decimal = original(text, wanted)
        try:
            return original(repr(float(value)), wanted)  # type: ignore[no-any-return]
        except ValueRefused:
            return value

    # The stream's lane reads with this; exports have a kernel of their own.
    put_in(attributes, "_READERS", {**attributes._READERS, "decimal": (tag, read)})


def keep_the_oldest(put_in: Put = setattr) -> None:
    """Compaction takes the windows in the wrong order."""
    original = snapshot.merge

    def merge(lake: Any, table: Any, windows: Sequence[Any], *arguments: Any) -> int:
        return original(lake, table, windows[::-1], *arguments)

    put_in(snapshot, "merge", merge)


def forget_failures(put_in: Put = setattr) -> None:
    """The stream's function says that all is done, whatever happened."""
    original = stream.StreamLane.process

    def process(self: Any, *arguments: Any) -> Any:
        return replace(original(self, *arguments), failed_from=None)

    put_in(stream.StreamLane, "process", process)


def convert_later(put_in: Put = setattr) -> None:
    """The ledger hears that a window is converted before it is."""
    original = import_export._convert

    def convert(lake: Any, table: Any, export: Export) -> tuple[int, int]:
        if export.kind == "window":
            ledger = TableLedger(lake, table.name)
            ledger.write(export, state="converted", rows=0, files=0)
        return original(lake, table, export)

    put_in(import_export, "_convert", convert)


def new_tokens(put_in: Put = setattr) -> None:
    """Each request has a token of its own, so that DynamoDB makes an export for each."""
    original, count = export_requests.client_token, iter(range(10**9))
    put_in(export_requests, "client_token", lambda export: f"{original(export)[:20]}{next(count)}")

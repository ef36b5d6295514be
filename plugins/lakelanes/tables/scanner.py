"""Lines of an export into change rows, fast: items.c reads the plain ones, lakelanes.tables.changes the others.

items.c is an accelerator and nothing else: where there is no library for this machine, every line takes the careful
way. lakelanes.native has the source and loads the library.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from lakelanes.config.model import Table
from lakelanes.errors import AttributeValueError
from lakelanes.native.library import Native, native
from lakelanes.tables.changes import Change, LineReader, change_batch, change_schema
from lakelanes.types import HiveType, parse_type

SLACK = 80
"""How many bytes have to follow the lines: a line feed, and what items.c may read but not use."""

_TEXT, _BOOLEAN, _MICROS = parse_type("string"), parse_type("boolean"), parse_type("bigint")
_ABSENT = b""


class LineError(Exception):
    """A line that is no change of the table; ``line`` is counted from 0 within what was scanned."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(reason)


class _Node(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int32),
        ("precision", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("next", ctypes.c_int32),
        ("key", ctypes.c_int32),
        ("name_length", ctypes.c_int32),
        ("name", ctypes.c_char_p),
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("validity", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
        ("room", ctypes.c_int64),
        ("written", ctypes.c_int64),
        ("space", ctypes.c_int64),
    )


class _Member(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("length", ctypes.c_int32),
        ("node", ctypes.c_int32),
        ("first", ctypes.c_int32),
        ("count", ctypes.c_int32),
        ("seen", ctypes.c_int64),
    )


class _Odd(ctypes.Structure):
    _fields_ = (("start", ctypes.c_int64), ("end", ctypes.c_int64), ("line", ctypes.c_int64))


class _Mark(ctypes.Structure):
    _fields_ = (("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("written", ctypes.c_int64))


class _Scan(ctypes.Structure):
    """What Python has to do with; the memory behind it is the library's."""

    _fields_ = (
        ("nodes", ctypes.POINTER(_Node)),
        ("members", ctypes.POINTER(_Member)),
        ("marks", ctypes.POINTER(_Mark)),
        ("node_count", ctypes.c_int32),
        ("columns", ctypes.c_int32),
        ("root", ctypes.c_int32),
        ("full", ctypes.c_int32),
        ("keys", ctypes.c_int32),
        ("guess", ctypes.c_int32),
        ("lines", ctypes.c_int64),
        ("odd_count", ctypes.c_int64),
        ("odd_room", ctypes.c_int64),
        ("odd", ctypes.POINTER(_Odd)),
        ("at", ctypes.c_void_p),
        ("no_memory", ctypes.c_int32),
        ("name_count", ctypes.c_int32),
        ("misfit", ctypes.c_int32),
        ("surplus", ctypes.c_int32),
    )


def _native() -> Native | None:
    """The library, with the signatures of what is called of it."""
    found = native("items", {"Node": _Node, "Member": _Member, "Mark": _Mark, "Odd": _Odd, "Scan": _Scan})
    if found is not None:
        found.library.lakelanes_items.restype = ctypes.c_int64
        found.library.lakelanes_items.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        found.library.lakelanes_items_free.restype = None
        found.library.lakelanes_items_free.argtypes = [ctypes.c_void_p]
    return found


def _free(library: Any, scan: _Scan) -> None:
    library.lakelanes_items_free(ctypes.addressof(scan))


class Scanner:
    """Makes change rows of lines of an export of the table. For one thread at a time.

    export_time: of a full export, in microseconds since 1970-01-01 UTC; None for an incremental one.
    """

    def __init__(self, table: Table, export_time: int | None) -> None:
        self._table = table
        self._reader = LineReader(table, export_time)
        self._export_time = export_time
        self._schema = change_schema(table)
        self._native = _native()
        if self._native is not None:
            self._scan = self._prepare(self._native)

    def scan(self, data: bytearray, length: int) -> tuple[list[pa.RecordBatch], int]:
        """Change rows of the lines data[:length], in no order, and how many lines these are.

        data has SLACK bytes more, which are overwritten. Raises LineError.
        """
        data[length : length + 1] = b"\n"
        if self._native is None:
            lines = bytes(data[:length]).split(b"\n")
            lines = lines[:-1] if not lines[-1] else lines
            return [self._careful(list(enumerate(lines)))], len(lines)
        scan = self._scan
        buffer = (ctypes.c_char * len(data)).from_buffer(data)
        try:
            rows = self._native.library.lakelanes_items(ctypes.addressof(scan), ctypes.addressof(buffer), length)
        finally:
            del buffer
        if rows < 0:
            raise MemoryError("no memory for the rows of a block of an export")
        odd = [(each.line, bytes(data[each.start : each.end])) for each in scan.odd[: scan.odd_count]]
        batches = [self._batch(int(rows))] if rows else []
        if odd:
            batches.append(self._careful(odd))
        return batches, int(scan.lines)

    def _careful(self, lines: Sequence[tuple[int, bytes]]) -> pa.RecordBatch:
        changes: list[Change] = []
        for number, line in lines:
            try:
                changes.append(self._reader.read(line))
            except AttributeValueError as error:
                raise LineError(number, str(error)) from None
        return change_batch(self._table, changes)

    def _prepare(self, native: Native) -> _Scan:
        nodes: list[_Node] = []
        places: dict[str, int] = {}
        for column in self._table.columns:
            places[column.name] = len(nodes)
            _add_nodes(native, nodes, column.type, column.name, column.name in self._table.keys)
        columns = len(nodes)
        for kind in (_TEXT, _TEXT, _BOOLEAN, _MICROS):
            _add_nodes(native, nodes, kind)
        tree: dict[str, Any] = {}
        for column in self._table.columns:
            at = tree
            for name in column.path[:-1]:
                at = at.setdefault(name, {})
            at[column.path[-1]] = places[column.name]
        members = _members(tree)
        self._places = [places[column.name] for column in self._table.columns]
        memory = ctypes.create_string_buffer(native.constants["whole Scan"])
        scan = _Scan.from_buffer(memory)
        scan.nodes = (_Node * len(nodes))(*nodes)
        scan.members = (_Member * (len(members) + 1))(*members)
        scan.marks = (_Mark * len(nodes))()
        scan.node_count, scan.columns, scan.root = len(nodes), columns, len(tree)
        scan.full, scan.keys = self._export_time is not None, len(self._table.keys)
        weakref.finalize(self, _free, native.library, scan).atexit = False
        return scan

    def _batch(self, rows: int) -> pa.RecordBatch:
        """The rows that items.c has made, copied from its memory."""
        assert self._native is not None
        scan, constants = self._scan, self._native.constants

        def extra(name: str, kind: HiveType) -> Any:
            return _array(scan.nodes, scan.columns + constants[name], kind)[0]

        arrays = [
            _array(scan.nodes, place, column.type)[0]
            for place, column in zip(self._places, self._table.columns, strict=True)
        ]
        undeclared, rescued = extra("UNDECLARED", _TEXT), extra("RESCUED", _TEXT)
        if self._export_time is None:
            deleted = extra("DELETED", _BOOLEAN)
            op = pa.DictionaryArray.from_arrays(deleted.cast(pa.int8()), ["put", "delete"]).cast(pa.string())
            written_at = extra("WRITTEN", _MICROS).cast(pa.timestamp("us"))
        else:
            op = _repeated("put", rows)
            written_at = pa.repeat(pa.scalar(self._export_time, pa.timestamp("us")), rows)
        source = _repeated("incremental" if self._export_time is None else "full", rows)
        arrays += [op, written_at, pa.nulls(rows, pa.string()), source, undeclared, rescued]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _repeated(text: str, count: int) -> Any:
    return pa.repeat(pa.scalar(text), count)


def _add_nodes(native: Native, nodes: list[_Node], kind: HiveType, name: str | None = None, key: bool = False) -> None:
    """Appends the node of a type, and those of its parts."""
    encoded = name.encode() if name is not None else None
    node = _Node(
        kind=native.kind_of(kind),
        precision=kind.precision or kind.length or 0,
        scale=kind.scale or 0,
        key=key,
        name=encoded,
        name_length=len(encoded or b""),
    )
    at = len(nodes)
    nodes.append(node)
    names = kind.names or (None,) * len(kind.children)
    for child, child_name in zip(kind.children, names, strict=True):
        _add_nodes(native, nodes, child, child_name)
    nodes[at].next = len(nodes)


def _members(tree: dict[str, Any]) -> list[_Member]:
    """The tree's levels, each in one piece, an item's own members first."""
    found: list[_Member] = []
    levels: list[tuple[dict[str, Any], _Member | None]] = [(tree, None)]
    while levels:
        level, above = levels.pop(0)
        if above is not None:
            above.first, above.count = len(found), len(level)
        for name, below in level.items():
            encoded = name.encode()
            member = _Member(name=encoded, length=len(encoded), node=below if isinstance(below, int) else -1)
            found.append(member)
            if not isinstance(below, int):
                levels.append((below, member))
    return found


def _buffer(address: int | None, size: int) -> Any:
    return pa.py_buffer(ctypes.string_at(address, size) if size and address else _ABSENT)


def _array(nodes: Any, at: int, kind: HiveType) -> tuple[Any, int]:
    """The Arrow array of a node, and the node after it and its parts."""
    node = nodes[at]
    count, next_node = node.length, at + 1
    validity = _buffer(node.validity, (count + 7) // 8) if node.null_count else None
    buffers, children = [validity], []
    if kind.kind in ("array", "map") or kind.is_text or kind.kind == "binary":
        buffers.append(_buffer(node.offsets, 4 * (count + 1)))
    for child in kind.children:
        array, next_node = _array(nodes, next_node, child)
        children.append(array)
    if kind.is_text or kind.kind == "binary":
        buffers.append(_buffer(node.values, node.written))
    elif kind.kind == "boolean":
        buffers.append(_buffer(node.values, (count + 7) // 8))
    elif not kind.is_nested:
        buffers.append(_buffer(node.values, kind.arrow.bit_width // 8 * count))
    elif kind.kind == "map":
        entries = pa.struct([kind.arrow.key_field, kind.arrow.item_field])
        children = [pa.StructArray.from_buffers(entries, len(children[0]), [None], 0, children=children)]
    return pa.Array.from_buffers(kind.arrow, count, buffers, node.null_count, children=children or None), next_node

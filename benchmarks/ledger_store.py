"""A ledger of a million items for the page to read: DynamoDB's answers from a B-tree per key and index, over HTTP.

Not the local AWS: that one sorts all of an index key's items at every query, which takes seconds for a million, where
DynamoDB, like this, goes to the place in an order that is kept. What this leaves out is the network to AWS, DynamoDB's
own few milliseconds, and conditions of writes, for one process alone writes to it. It knows the calls and key
conditions that the ledger makes and refuses all others.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import sqlite3
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Item = dict[str, dict[str, Any]]

_SCHEMA = """
CREATE TABLE items (source TEXT, version TEXT, entity_state TEXT, updated_at TEXT, entity_partition TEXT, item TEXT,
                    PRIMARY KEY (source, version)) WITHOUT ROWID;
"""
_INDEXES = """
CREATE INDEX by_state ON items (entity_state, updated_at, source, version);
CREATE INDEX by_partition ON items (entity_partition, source, version);
"""
_ORDER = {
    None: ("source", "version", []),
    "by_state": ("entity_state", "updated_at", ["source", "version"]),
    "by_partition": ("entity_partition", "source", ["version"]),
}
_PAGE_BYTES = 1 << 20
_RANGE = re.compile(r" AND (?:begins_with\((\S+), (\S+)\)|(\S+) (BETWEEN) (\S+) AND (\S+)|(\S+) (=|<|<=|>|>=) (\S+))")


def fill(path: Path, items: Iterable[Item]) -> int:
    """Makes the store's file; returns how many items are in it."""
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
    connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", map(_row, items))
    connection.executescript(_INDEXES)
    connection.commit()
    [(count,)] = connection.execute("SELECT count(*) FROM items").fetchall()
    connection.execute("ANALYZE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    return int(count)


class LedgerStore:
    """The store, served by a process of its own at ``url`` until it is left."""

    def __init__(self, path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(str(path), theirs), daemon=True)
        self._process.start()
        self.url = f"http://127.0.0.1:{ours.recv()}"

    def __enter__(self) -> LedgerStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.join()


def _row(item: Item) -> tuple[str | None, ...]:
    keys = ("source", "version", "entity_state", "updated_at", "entity_partition")
    return (*(item[key]["S"] if key in item else None for key in keys), json.dumps(item))


def _serve(path: str, ready: Any) -> None:
    local = threading.local()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            if not hasattr(local, "connection"):
                local.connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, answer = 200, _answer(local.connection, self.headers["X-Amz-Target"].split(".")[1], request)
            except NotImplementedError as error:
                status, answer = 400, {"__type": "ValidationException", "message": str(error)}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    # A header and its body would wait for each other's acknowledgement.
    Handler.wbufsize = -1
    Handler.disable_nagle_algorithm = True
    server = Server(("127.0.0.1", 0), Handler)
    ready.send(server.server_address[1])
    server.serve_forever()


def _answer(connection: sqlite3.Connection, action: str, request: Any) -> dict[str, Any]:
    if action == "Query":
        return _query(connection, request)
    if action == "GetItem":
        found = _get(connection, request["Key"])
        return {"Item": found} if found else {}
    if action == "BatchGetItem":
        [(table, wanted)] = request["RequestItems"].items()
        items = [item for key in wanted["Keys"] if (item := _get(connection, key))]
        return {"Responses": {table: _projected(items, wanted)}, "UnprocessedKeys": {}}
    if action == "PutItem":
        connection.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", _row(request["Item"]))
        return {}
    if action == "DescribeTable":
        # Who asks wants to know which table it is.
        name = request["TableName"]
        return {"Table": {"TableName": name, "TableArn": f"arn:aws:dynamodb:::table/{name}", "TableId": "benchmark"}}
    if action == "TransactWriteItems" and all("Put" in one for one in request["TransactItems"]):
        rows = [_row(one["Put"]["Item"]) for one in request["TransactItems"]]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        return {}
    raise NotImplementedError(f"the benchmark's ledger does not know {action}")


def _get(connection: sqlite3.Connection, key: Item) -> Item | None:
    place = (key["source"]["S"], key["version"]["S"])
    row = connection.execute("SELECT item FROM items WHERE source = ? AND version = ?", place).fetchone()
    return json.loads(row[0]) if row else None


def _query(connection: sqlite3.Connection, request: Any) -> dict[str, Any]:
    index = request.get("IndexName")
    key, place, rest = _ORDER[index]
    values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
    condition = request["KeyConditionExpression"]
    first, _, _ = condition.partition(" AND ")
    where, bound = [f"{key} = ?"], [values[first.split(" = ")[1]]]
    if tail := condition[len(first) :]:
        match = _RANGE.fullmatch(tail)
        if match is None:
            raise NotImplementedError(f"the benchmark's ledger does not know the condition {condition}")
        if match[1]:
            where.append(f"{place} >= ? AND {place} < ?")
            bound += [values[match[2]], values[match[2]] + "\U0010ffff"]
        elif match[4]:
            where.append(f"{place} BETWEEN ? AND ?")
            bound += [values[match[5]], values[match[6]]]
        else:
            where.append(f"{place} {match[8]} ?")
            bound.append(values[match[9]])
    forward = request.get("ScanIndexForward", True)
    columns = [place, *rest]
    if start := request.get("ExclusiveStartKey"):
        where.append(f"({', '.join(columns)}) {'>' if forward else '<'} ({', '.join('?' * len(columns))})")
        bound += [start[column]["S"] for column in columns]
    order = ", ".join(f"{column} {'ASC' if forward else 'DESC'}" for column in columns)
    limit = request.get("Limit", 1 << 31)
    rows = connection.execute(
        f"SELECT item FROM items{f' INDEXED BY {index}' if index else ''} WHERE {' AND '.join(where)} ORDER BY {order}",
        bound,
    )
    items, size, more = [], 0, False
    for (text,) in rows:
        items.append(json.loads(text))
        size += len(text)
        if len(items) >= limit or size >= _PAGE_BYTES:
            more = True
            break
    answer: dict[str, Any] = {"ScannedCount": len(items)}
    if more:
        answer["LastEvaluatedKey"] = {name: items[-1][name] for name in {key, "source", "version", place}}
    if filtered := request.get("FilterExpression"):
        if filtered != "#st = :superseded":
            raise NotImplementedError(f"the benchmark's ledger does not know the filter {filtered}")
        items = [item for item in items if item.get("state", {}).get("S") == "superseded"]
    return {**answer, "Items": _projected(items, request), "Count": len(items)}


def _projected(items: list[dict[str, Any]], request: dict[str, Any]) -> list[dict[str, Any]]:
    """The items with the attributes alone that a request names; with all where it names none."""
    projection = request.get("ProjectionExpression")
    if not projection:
        return items
    known = {request["ExpressionAttributeNames"][name] for name in projection.split(", ")}
    return [{name: value for name, value in item.items() if name in known} for item in items]

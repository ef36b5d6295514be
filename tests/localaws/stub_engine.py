"""The local AWS with a toy in place of Athena's SQL engine, so that tests choose how a query goes.

Runs in the local AWS's interpreter: ``python -m tests.localaws.stub_engine --port 0 --state DIR``.
"""

from __future__ import annotations

import json
import sys

from localaws import __main__ as command_line
from localaws.athena.errors import InvalidRequest, QueryCancelled, QueryFailed
from localaws.athena.results_model import QueryContext, QueryResult, ResultColumn


def check(sql: str) -> None:
    """Refuses what starts with REFUSE."""
    if sql.startswith("REFUSE"):
        raise InvalidRequest("line 1:1: mismatched input 'REFUSE'")


def execute(sql: str, context: QueryContext) -> QueryResult:
    """Does what the first word after SELECT says."""
    words = [word for line in sql.splitlines() if not line.startswith("--") for word in line.split()]
    if words[0] == "CREATE":
        return QueryResult("DDL", "CREATE_TABLE")
    if words[0] == "SHOW":
        return QueryResult("UTILITY", "SHOW_PARTITIONS", [ResultColumn("partition", "string")], [("a=1",), ("a=2",)])
    return globals()[f"_{words[1].lower()}"](sql, words[2:], context)


def _select(columns: list[ResultColumn], rows: list[tuple[str | None, ...]], scanned: int = 0) -> QueryResult:
    return QueryResult("DML", "SELECT", columns, rows, scanned)


def _rows(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    columns = [ResultColumn("id", "bigint", 19), ResultColumn("name", "varchar", 2147483647)]
    return _select(columns, [(str(number), f"name {number}") for number in range(int(words[0]))], 7)


def _odd(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    columns = [ResultColumn("value", "varchar"), ResultColumn('a "name"', "varchar")]
    return _select(columns, [(None, ""), ('a "quoted", value', "two\nlines"), ("ü\t€", None)])


def _wait(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    context.cancelled.wait()
    raise QueryCancelled


def _scan(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    return _select([ResultColumn("n", "bigint", 19)], [("1",)], int(words[0]))


def _limit(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    raise QueryFailed(f"Query cancelled! : Bytes scanned limit was exceeded ({context.bytes_scanned_cutoff})", 2, 10)


def _fail(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    raise QueryFailed(" ".join(words), 2, 1000)


def _bug(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    raise RuntimeError("a bug")


def _echo(sql: str, words: list[str], context: QueryContext) -> QueryResult:
    """What the engine was given, as JSON, through its own clients."""
    seen = {
        "sql": sql,
        "database": context.database,
        "region": context.glue.meta.region_name,
        "cutoff": context.bytes_scanned_cutoff,
        "databases": [one["Name"] for one in context.glue.get_databases()["DatabaseList"]],
        "buckets": [one["Name"] for one in context.s3.list_buckets()["Buckets"]],
        "files": [context.filesystem.get_file_info(word).type.name for word in words if word.startswith("bucket")],
    }
    return _select([ResultColumn("seen", "varchar")], [(json.dumps(seen),)])


if __name__ == "__main__":
    sys.exit(command_line.main(engine=sys.modules[__name__]))

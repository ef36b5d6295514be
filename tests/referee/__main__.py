"""The local Athena before the referee. Exit code 1: a difference that is not known, 2: there is no referee.

python -m tests.referee --expressions 10000 --seed 7
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.referee import corpus, lake, writing
from tests.referee.answers import ask_local, ask_trino, plan_local
from tests.referee.expressions import expressions, make_rows
from tests.referee.known import unknown, unused
from tests.referee.play import Match
from tests.referee.server import NoReferee, find_java, running_trino
from tests.referee.tables import DATABASE, Maker, make_tables
from tests.referee.verdict import Verdict, table
from tests.support.localaws import LocalAws, running_localaws

# How often the terminal is told how far it is.
_PROGRESS_SECONDS = 15.0


class Report:
    """Counts the verdicts of each part, and writes down what is not known as soon as it is found."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.path = path
        self.faults = 0
        self._file = path.open("w", buffering=1, encoding="utf-8")

    def take(self, part: str, verdicts: Iterable[Verdict]) -> list[Verdict]:
        """All of a part's verdicts. Its figures are told at the end, also at one that comes too soon."""
        found: list[Verdict] = []
        begin = told = time.monotonic()
        try:
            for verdict in verdicts:
                found.append(verdict)
                for fault in unknown([verdict]):
                    self.faults += 1
                    self._file.write(f"{part}: {fault.shown()}\n")
                    if self.faults <= 20:
                        print(fault.shown(), flush=True)
                if time.monotonic() > told + _PROGRESS_SECONDS:
                    told = time.monotonic()
                    print(f"{part}: {len(found)} in {told - begin:.0f} s", flush=True)
        finally:
            seconds = time.monotonic() - begin
            print(f"{part}: {len(found)} in {seconds:.0f} s\n{table(found, unknown(found))}", flush=True)
        return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.referee", description="Asks Trino and the local Athena the same."
    )
    parser.add_argument("--expressions", type=int, default=1000, help="how many random ones, for each seed")
    parser.add_argument("--seed", action="append", help="repeats them; more than once for more of them")
    parser.add_argument("--random", action="store_true", help="ask for random expressions alone")
    parser.add_argument(
        "--report", type=Path, default=Path("build/referee.txt"), help="where every difference is listed"
    )
    options = parser.parse_args()
    report, stale = Report(options.report), []
    try:
        find_java()
        with (
            tempfile.TemporaryDirectory(prefix="referee-") as folder,
            running_localaws(Path(folder) / "aws") as aws,
            running_trino(aws) as trino,
        ):
            print(f"Trino started in {trino.started_seconds:.0f} s", flush=True)
            clients = aws.client("glue"), aws.client("s3")
            make_tables(*clients)
            match = Match(ask_local(DATABASE, *clients), ask_trino(trino.address, DATABASE))
            if not options.random:
                stale = unused(_stored(report, match, aws, trino.address))
            plan = plan_local(DATABASE, clients[0])
            for number, seed in enumerate(options.seed or [secrets.token_hex(4)]):
                name = f"random_{number}"
                make_rows(Maker(*clients), seed, name)
                found = match.of_expressions(expressions(seed, options.expressions), plan, name)
                report.take(f"random expressions of seed {seed}", found)
    except NoReferee as error:
        print(f"make referee: {error}", file=sys.stderr)
        return 2
    finally:
        print(f"{report.faults} differences that are not known, all in {report.path}", flush=True)
    for known in stale:
        print(f"known and not seen any more: {known.pattern}: {known.reason}")
    return 1 if report.faults or stale else 0


def _stored(report: Report, match: Match, aws: LocalAws, address: str) -> list[Verdict]:
    """What somebody wrote down: the corpus, what writes, the views, and what the engine sends."""
    asked = report.take("the corpus", match.verdicts(sql for lines in corpus.statements().values() for sql in lines))
    asked += report.take("what is written, and read by both", writing.verdicts(match, writing.statements()))
    with lake.sampled(aws) as (database, statements):
        match = Match(ask_local(database, aws.client("glue"), aws.client("s3")), ask_trino(address, database))
        asked += report.take("the views, and what the engine sends", match.verdicts(statements))
    return asked


if __name__ == "__main__":
    raise SystemExit(main())

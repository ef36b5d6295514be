"""The local Athena before the referee. Exit code 1: a difference that is not known, 2: there is no referee.

python -m tests.referee --expressions 10000 --seed 7
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.referee import corpus, lake, writing
from tests.referee.answers import ask_local, ask_trino
from tests.referee.expressions import expressions, make_rows
from tests.referee.known import unknown, unused
from tests.referee.play import Match
from tests.referee.server import NoReferee, find_java, running_trino
from tests.referee.tables import DATABASE, Maker, make_tables
from tests.referee.verdict import Verdict, table
from tests.support.localaws import running_localaws


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.referee", description="Asks Trino and the local Athena the same."
    )
    parser.add_argument("--expressions", type=int, default=1000, help="how many random ones, for each seed")
    parser.add_argument("--seed", action="append", help="repeats them; more than once for more of them")
    parser.add_argument(
        "--report", type=Path, default=Path("build/referee.txt"), help="where every difference is listed"
    )
    options = parser.parse_args()
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
            asked = match.verdicts(sql for lines in corpus.statements().values() for sql in lines)
            print(f"the corpus, {len(asked)} statements\n{table(asked)}", flush=True)
            wrote = list(writing.verdicts(match, writing.statements()))
            print(f"what is written, and read by both, {len(wrote)}\n{table(wrote)}", flush=True)
            asked += wrote
            asked += _of_the_lake(aws, trino.address)
            faults, stale = unknown(asked), unused(asked)
            for number, seed in enumerate(options.seed or [secrets.token_hex(4)]):
                faults += _random(match, Maker(*clients), seed, options.expressions, f"random_{number}")
    except NoReferee as error:
        print(f"make referee: {error}", file=sys.stderr)
        return 2
    options.report.parent.mkdir(exist_ok=True)
    options.report.write_text("\n".join(verdict.shown() for verdict in faults))
    for verdict in faults[:20]:
        print(verdict.shown())
    for known in stale:
        print(f"known and not seen any more: {known.pattern}: {known.reason}")
    print(f"{len(faults)} differences that are not known, all in {options.report}")
    return 1 if faults or stale else 0


def _of_the_lake(aws: lake.LocalAws, address: str) -> list[Verdict]:
    with lake.sampled(aws) as (database, statements):
        match = Match(ask_local(database, aws.client("glue"), aws.client("s3")), ask_trino(address, database))
        found = match.verdicts(statements)
    print(f"the views, and what the engine sends, {len(found)} statements\n{table(found)}", flush=True)
    return found


def _random(match: Match, maker: Maker, seed: str, count: int, name: str) -> list[Verdict]:
    make_rows(maker, seed, name)
    found = match.of_expressions(expressions(seed, count), name)
    print(f"seed {seed}: {len(found)} random expressions\n{table(found)}", flush=True)
    return unknown(found)


if __name__ == "__main__":
    raise SystemExit(main())

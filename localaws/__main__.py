"""Command line of the local AWS: ``python -m localaws --port P --state DIR [--parent-pid N]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from localaws import server


def _parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localaws", description="The local AWS, on 127.0.0.1 only.")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 picks a free one")
    parser.add_argument("--state", type=Path, required=True, help="folder for everything written to disk")
    parser.add_argument("--parent-pid", type=int, help="stop when the process with this id is gone")
    return parser.parse_args(arguments)


def main(engine: Any = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of the parent process; returns the exit code.

    ``engine`` takes the place of Athena's SQL engine, for tests.
    """
    options = _parse()
    try:
        return server.run(options.port, options.state, options.parent_pid, engine)
    except server.StartError as error:
        print(f"localaws: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

"""The statements of corpus/: a line is a statement or an expression; a line that begins with -- is a comment."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).parent / "corpus"
_STATEMENT = re.compile(r"(SELECT|WITH|VALUES|TABLE|FROM|SHOW|SELEC)\b", re.IGNORECASE)


def statements() -> dict[str, list[str]]:
    """The statements by subject, expressions made into SELECTs."""
    found = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("--")]
        found[path.stem] = [line if _STATEMENT.match(line) else f"SELECT {line}" for line in lines]
    return found

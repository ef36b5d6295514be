"""Wrong clocks for the processes of a node, from outside: a library that is loaded before all others."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
_NAMES = ("CLOCK_AHEAD", "LD_PRELOAD")


def build(folder: Path) -> Path | None:
    """The library, made in a folder; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "clock.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


def variables(library: Path, seconds: int) -> dict[str, str]:
    """What gives a process a time of day so many seconds ahead."""
    return dict(zip(_NAMES, (str(seconds), str(library)), strict=True))


def set_clock(environment: Path, library: Path, seconds: int) -> None:
    """Changes the variables that a node's process begins with (Node.lay_out); 0: the clock is right."""
    lines = [line for line in environment.read_text().splitlines() if not any(f" {name}=" in line for name in _NAMES)]
    if seconds:
        lines += [f"export {name}='{value}'" for name, value in variables(library, seconds).items()]
    environment.write_text("".join(f"{line}\n" for line in lines))

"""Which sources the compiled library has, and what its file is called.

scripts/setup.py runs this file before there is an environment: it imports the standard library alone and stays within
Python 3.8.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def sources(folder: Path = FOLDER) -> list[Path]:
    """Every source and header of the library: all that lie in this folder."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".c", ".h"))


def digest(folder: Path = FOLDER) -> str:
    """Twelve hexadecimal digits that change with the name and the text of every source."""
    summed = hashlib.sha256()
    for source in sources(folder):
        summed.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return summed.hexdigest()[:12]


def library_name(system: str = sys.platform, machine: str = "", folder: Path = FOLDER) -> str:
    """The file name of the library for a system (as sys.platform has it) and a machine (as platform.machine has it;
    "": this one)."""
    return f"kernel-{digest(folder)}-{system}-{machine or platform.machine()}.so"

"""Loads the compiled library, and refuses one that is not of these sources or does not share Python's structures.

The library is an accelerator and nothing else: without it both readers do all their work in Python, and say so once.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lakelanes.native.sources import FOLDER, digest, library_name
from lakelanes.types import HiveType

log = logging.getLogger(__name__)

_WITHOUT = "files and exports are read without it, more slowly (`make setup` builds it)"
_loading = threading.Lock()


class _Constant(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_int64))


@dataclass(frozen=True)
class Native:
    """The library, and the numbers that one of its sources names: enumerators, sizes, and a number for each kind."""

    library: Any
    constants: Mapping[str, int]

    def kind_of(self, column_type: HiveType) -> int:
        """The number that the library has for the kind of a column."""
        return self.constants["kind string" if column_type.is_text else f"kind {column_type.kind}"]


def native(source: str, structures: Mapping[str, type[ctypes.Structure]]) -> Native | None:
    """The library for the Python half of one source, `kernel` or `items`; None, with one warning, without a library.

    structures: what the source calls the structures that both halves use, with Python's description of each. One of
    another size than the source's would have the library write where Python does not look, so there is none then.
    """
    with _loading:
        library = _load(FOLDER)
        return _checked(library, source, tuple(structures.items())) if library is not None else None


@cache
def _load(folder: Path) -> Any | None:
    """The folder's library for this machine; None, with a warning, where there is none that is of these sources."""
    try:
        built_from = digest(folder)
        path = folder / library_name(folder=folder)
        if not path.exists():
            log.warning("there is no compiled library %s: %s", path.name, _WITHOUT)
            return None
        library = ctypes.CDLL(str(path))
        library.lakelanes_digest.restype = ctypes.c_char_p
        found = library.lakelanes_digest().decode()
    except (OSError, AttributeError) as error:
        log.warning("the compiled library cannot be used: %s: %s", error, _WITHOUT)
        return None
    if found != built_from:
        log.warning("%s was built from other sources (%s): %s", path.name, found, _WITHOUT)
        return None
    return library


@cache
def _checked(library: Any, source: str, structures: tuple[tuple[str, type[ctypes.Structure]], ...]) -> Native | None:
    constants = _constants(library, source)
    for name, structure in structures:
        size = constants.get(f"size {name}")
        if size != ctypes.sizeof(structure):
            log.warning(
                "the library's structure %s of %s.c has %s bytes, Python's %d: %s",
                name,
                source,
                size,
                ctypes.sizeof(structure),
                _WITHOUT,
            )
            return None
    return Native(library, constants)


def _constants(library: Any, source: str) -> dict[str, int]:
    read = library[f"lakelanes_{source}_constants"]
    read.restype = ctypes.POINTER(_Constant)
    table, found = read(), dict[str, int]()
    while (name := table[len(found)].name) is not None:
        found[name.decode()] = table[len(found)].value
    return found

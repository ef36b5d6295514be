"""Zip archives for AWS: the same files make the same bytes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

# What says where and when something was installed.
_VOLATILE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below the folder by its path there, but for what an interpreter or an installer left and the library
    of this machine."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        volatile = name.name in _VOLATILE or "__pycache__" in name.parts or name.parts[0] == "bin"
        volatile = volatile or path.match("kernel-*.so*")
        if path.is_file() and not volatile:
            yield name.as_posix(), path


def write(target: Path, files: Mapping[str, bytes | Path], level: int = 9) -> Path:
    """The archive of these contents by name; nothing is there before it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for name in sorted(files):
            content = files[name]
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(entry, data, compresslevel=level)
    os.replace(partial, target)
    return target


def unpacked_bytes(archive: Path) -> int:
    """The bytes of its files, as Lambda counts them."""
    with zipfile.ZipFile(archive) as inside:
        return sum(entry.file_size for entry in inside.infolist())

"""Bytecode for the functions: Lambda unpacks to folders that cannot be written to, so that without it every start of an
instance compiles all that it imports."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

# Not checked against its source when it is imported: both come in the same archive
# (https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation).
_COMPILE = """
import json, py_compile, sys
for source, name, target in json.load(sys.stdin):
    try:
        py_compile.compile(source, target, name, True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    except py_compile.PyCompileError:
        pass  # a template, or for another Python: whoever imports it sees the fault
"""


def with_bytecode(files: Mapping[str, bytes | Path], python: Path) -> dict[str, bytes | Path]:
    """The files of an archive by name, and for each Python source the bytecode of this interpreter beside it.

    The same files make the same bytes. Raises subprocess.CalledProcessError when the interpreter does not run.
    """
    tag = subprocess.run(
        [python, "-c", "import sys; print(sys.implementation.cache_tag)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    sources = [(name, path) for name, path in sorted(files.items()) if name.endswith(".py") and isinstance(path, Path)]
    with tempfile.TemporaryDirectory() as folder:
        made = {
            str(PurePosixPath(name).parent / "__pycache__" / f"{PurePosixPath(name).stem}.{tag}.pyc"): Path(
                folder, f"{number}.pyc"
            )
            for number, (name, _) in enumerate(sources)
        }
        wanted = [(str(path), name, str(to)) for (name, path), to in zip(sources, made.values(), strict=True)]
        subprocess.run(
            [python, "-S", "-c", _COMPILE],
            input=json.dumps(wanted),
            # The order of a set's members is in the bytecode.
            env={**os.environ, "PYTHONHASHSEED": "0"},
            text=True,
            check=True,
        )
        return {**files, **{name: path.read_bytes() for name, path in made.items() if path.exists()}}

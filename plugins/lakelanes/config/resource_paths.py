"""Where the package finds its configuration and SQL: the folder ``include``."""

from __future__ import annotations

from pathlib import Path


def _find(package: Path) -> Path:
    """Beside the package where a bundle puts it (a Lambda function's root, MWAA's plugins folder), else beside
    plugins/."""
    beside = package.parent / "include"
    return beside if beside.is_dir() else package.parents[1] / "include"


INCLUDE = _find(Path(__file__).resolve().parents[1])

"""A copy of the repository with an environment of its own, for tests that write into it as its user does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


class Clone:
    """What git tracks, in another folder. Its Python finds the packages of this copy, and everything else where the
    repository's finds it; ``make setup`` would install that again."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        names = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout
        for name in filter(None, names.decode().split("\0")):
            if (REPOSITORY / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, folder / name)
        local = folder / ".local"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", local / "venv"], check=True)
        for name in ("aws", "boot", "cache"):
            (local / name).symlink_to(REPOSITORY / ".local" / name)
        libraries = Path(sysconfig.get_path("purelib", vars={"base": str(local / "venv")}))
        # In this order: what the second one adds comes after the first one's folder.
        (libraries / "1-own.pth").write_text(f"{folder / 'plugins'}\n")
        (libraries / "2-shared.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")

    @property
    def python(self) -> Path:
        return self.root / ".local" / "venv" / "bin" / "python"

    @property
    def env(self) -> dict[str, str]:
        """A shell's, in which nobody has chosen a lake or an AWS."""
        chosen = ("AWS_", "LAKE_", "AIRFLOW_", "PYTHON", "COV_CORE_")
        return {name: value for name, value in os.environ.items() if not name.startswith(chosen)}

    def run(self, module: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """``python -m module arguments`` in the copy's folder, to its end."""
        command = [self.python, "-m", module, *arguments]
        env = {**self.env, **variables}
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True)

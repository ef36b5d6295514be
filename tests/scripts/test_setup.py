"""Set-up finds a Python that works, gets uv where venv is missing, and does nothing when nothing changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from scripts import setup

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the files that set-up reads, and nothing installed."""
    for name in setup.INPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "LOCAL", tmp_path / ".local")
    (tmp_path / ".local").mkdir()
    return tmp_path


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _command(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_shim_that_fails_is_passed_over_for_what_pyenv_names(bin_folder: Path, tmp_path: Path) -> None:
    _command(bin_folder, "python3.12", "echo 'command not found' >&2; exit 127")
    (tmp_path / "pyenv" / "bin").mkdir(parents=True)
    real = _command(tmp_path / "pyenv" / "bin", "python", "echo 3 12 4")
    _command(bin_folder, "pyenv", f'[ "$*" = "prefix 3.12" ] && echo "{tmp_path}/pyenv"')
    assert setup.find_python() == (str(real), (3, 12, 4))


def test_a_working_312_is_preferred_and_311_will_do(bin_folder: Path) -> None:
    eleven = _command(bin_folder, "python3.11", "echo 3 11 9")
    assert setup.find_python() == (str(eleven), (3, 11, 9))
    twelve = _command(bin_folder, "python3.12", "echo 3 12 0")
    assert setup.find_python() == (str(twelve), (3, 12, 0))


def test_an_old_python_is_refused_with_a_way_out(bin_folder: Path) -> None:
    old = _command(bin_folder, "python3", "echo 3 9 2")
    with pytest.raises(setup.SetupError, match=r"no Python 3\.11 or newer.*3\.9\.2.*PYTHON=/path/to/python3\.12"):
        setup.find_python(str(old))


def test_a_named_python_that_does_not_run_is_not_replaced_by_another(bin_folder: Path) -> None:
    _command(bin_folder, "python3.12", "echo 3 12 0")
    with pytest.raises(setup.SetupError, match=r"no-such-python \(does not run\)"):
        setup.find_python("no-such-python")


def test_uv_is_installed_without_venv_where_that_is_missing(root: Path, bin_folder: Path) -> None:
    version = setup.UV.split("==")[1]
    python = _command(
        bin_folder,
        "python3.12",
        'case "$*" in\n'
        '  *venv*) echo "ensurepip is not available" >&2; exit 1;;\n'
        '  *--target*) /bin/mkdir -p "$5/bin"; printf "#!/bin/sh\\necho uv '
        f'{version}\\n" > "$5/bin/uv"; /bin/chmod +x "$5/bin/uv";;\n'
        "esac",
    )
    uv = setup.install_uv(str(python))
    assert setup.run([uv, "--version"]).split() == ["uv", version]
    python.unlink()
    assert setup.install_uv(str(python)) == uv


def test_without_any_way_to_uv_all_faults_are_told(root: Path, bin_folder: Path) -> None:
    python = _command(bin_folder, "python3.12", 'echo "no module: $2" >&2; exit 1')
    with pytest.raises(setup.SetupError, match=r"(?s)no module: venv.*no module: pip.*python3-venv"):
        setup.install_uv(str(python))


def test_an_environment_is_made_again_when_what_it_is_made_from_changes(root: Path) -> None:
    assert setup.outdated(None) == ["venv", "aws"]
    for name in setup.VENVS:
        python = root / ".local" / name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
        (root / ".local" / name / "stamp.json").write_text(setup.json.dumps(setup.stamp(sys.executable)))
    assert setup.outdated(None) == []
    assert setup.outdated(sys.executable) == []
    assert setup.outdated("/bin/sh") == ["venv", "aws"]

    (root / ".local" / "aws" / "bin" / "python").unlink()
    assert setup.outdated(None) == ["aws"]

    for name in setup.INPUTS:
        before = (root / name).read_bytes()
        (root / name).write_bytes(before + b"\n# changed\n")
        assert setup.outdated(None) == ["venv", "aws"], name
        (root / name).write_bytes(before)


def test_an_environment_that_was_not_finished_is_made_again(root: Path) -> None:
    (root / ".local" / "venv").mkdir()
    (root / ".local" / "aws").mkdir()
    (root / ".local" / "aws" / "stamp.json").write_text('{"inputs": "ab')
    assert setup.outdated(None) == ["venv", "aws"]


def test_uv_uses_the_index_and_certificates_that_pip_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "SSL_CERT_FILE", "UV_PYTHON_DOWNLOADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        setup,
        "run",
        lambda command: (
            "global.index-url='https://one.example/simple'\nglobal.cert='/etc/ca.pem'\n:env:.index-url='https://two.example/simple'\n"
        ),
    )
    env = setup.uv_environment("python3")
    assert env["UV_DEFAULT_INDEX"] == "https://two.example/simple"
    assert env["SSL_CERT_FILE"] == "/etc/ca.pem"
    assert env["UV_PYTHON_DOWNLOADS"] == "never"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")
    assert setup.uv_environment("python3")["UV_DEFAULT_INDEX"] == "https://own.example/simple"


def test_the_script_is_readable_for_a_python_too_old_to_build_on() -> None:
    compile((REPOSITORY / "scripts" / "setup.py").read_text(), "setup.py", "exec", dont_inherit=True)
    tree = setup.ast.parse((REPOSITORY / "scripts" / "setup.py").read_text(), feature_version=(3, 8))
    assert tree.body
    assert os.access(REPOSITORY / "scripts" / "setup.py", os.X_OK)

"""Set-up finds a Python that works, gets uv where venv is missing, and does nothing when nothing changed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import setup
from tests.support.lakes import config_text

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


def _make_up(root: Path, config: Path) -> subprocess.CompletedProcess[str]:
    """What `make up` calls first, in a new clone."""
    shutil.copy(REPOSITORY / "scripts" / "setup.py", root / "scripts" / "setup.py")
    return subprocess.run(
        [sys.executable, root / "scripts" / "setup.py", "--check-config"],
        env={**os.environ, "LAKE_CONFIG": str(config)},
        capture_output=True,
        text=True,
    )


def test_a_configuration_that_is_no_json_is_told_before_anything_is_installed(root: Path) -> None:
    shutil.rmtree(root / ".local")
    (root / "mine.json").write_text('{\n  "aws": {"region" "eu-west-1"}\n}')
    told = _make_up(root, root / "mine.json")
    assert (told.returncode, told.stdout) == (1, "")
    assert "mine.json: 1 fault in the configuration\n  line 2, column 20: Expecting ':' delimiter" in told.stderr
    assert "Traceback" not in told.stderr and not (root / ".local").exists()
    told = _make_up(root, root / "gone.json")
    assert told.returncode == 1 and "gone.json: 1 fault in the configuration\n  cannot be read" in told.stderr


@pytest.fixture
def uv(root: Path) -> Path:
    """A uv whose environments are this test's own, and which notes what it was asked for."""
    (root / "plugins").mkdir(exist_ok=True)
    shutil.rmtree(root / "plugins")
    (root / "plugins").symlink_to(REPOSITORY / "plugins")
    _command(root, "interpreter", f'exec {sys.executable} "$@"')
    made = f'for last; do :; done; mkdir -p "$last/bin"; cp {root}/interpreter "$last/bin/python"'
    return _command(root, "uv", f'echo "$*" >> {root}/asked; if [ "$1" = venv ]; then {made}; fi')


@pytest.mark.slow
def test_all_other_faults_are_told_once_the_few_packages_are_there(
    root: Path, uv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.loads(config_text())
    text["aws"]["account_id"] = "${AWS_ACCOUNT_ID}"
    (root / "mine.json").write_text(json.dumps({**text, "entities": {}, "tabels": {}}))
    monkeypatch.delenv("AWS_ACCOUNT_ID", raising=False)
    monkeypatch.setenv("LAKE_CONFIG", str(root / "mine.json"))
    monkeypatch.setattr(sys, "argv", ["setup.py", "--check-config"])
    monkeypatch.setattr(setup, "install_uv", lambda python, env: uv)
    monkeypatch.setattr(setup, "build", lambda *arguments: pytest.fail("it was installed"))
    with pytest.raises(setup.SetupError) as caught:
        setup.main()
    assert "mine.json: 2 faults in the configuration" in str(caught.value) and "tabels" in str(caught.value)
    asked = (root / "asked").read_text()
    assert "-c constraints.txt pydantic google-re2 botocore" in asked and "requirements.txt" not in asked
    assert not (root / ".local" / "check").exists()


@pytest.mark.slow
def test_a_configuration_in_order_is_no_hindrance(
    root: Path, uv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "mine.json").write_text(config_text())
    built: list[str] = []
    monkeypatch.setenv("LAKE_CONFIG", str(root / "mine.json"))
    monkeypatch.setattr(sys, "argv", ["setup.py", "--check-config"])
    monkeypatch.setattr(setup, "install_uv", lambda python, env: uv)
    monkeypatch.setattr(setup, "build", lambda name, *arguments: built.append(name))
    monkeypatch.setattr(setup, "build_kernel", lambda: None)
    setup.main()
    assert sorted(set(built)) >= ["aws", "venv"]
    assert "fault" not in capsys.readouterr().out


def test_the_configuration_of_the_last_time_is_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKE_CONFIG", raising=False)
    assert setup.config_path() == root / "include" / "lake.json"
    (root / ".local" / "configuration").write_text("/lakes/mine.json\n")
    assert setup.config_path() == Path("/lakes/mine.json")
    monkeypatch.setenv("LAKE_CONFIG", "/lakes/other.json")
    assert setup.config_path() == Path("/lakes/other.json")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.slow
@pytest.mark.usefixtures("no_proxies")
def test_what_an_installation_waits_for_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "QUIET_SECONDS", 0.05)
    with socket.socket() as held:
        # Bound, and nobody listens.
        held.bind(("127.0.0.1", 0))
        index = f"http://me:secret@127.0.0.1:{held.getsockname()[1]}/simple"
        env = {**os.environ, "PIP_INDEX_URL": index}
        command = [sys.executable, "-c", "import time; time.sleep(1); print('done')"]
        assert setup.run([*command, "install"], env) == "done\n"
        said = capsys.readouterr().out
        assert "waiting for the package index 127.0.0.1, which cannot be reached (" in said and "PIP_INDEX_URL" in said
        assert "secret" not in said
        setup.run(command, env)
        assert capsys.readouterr().out == "", "only installations wait for an index"
        held.listen()
        setup.run([*command, "install"], env)
        assert capsys.readouterr().out == "", "it can be reached"


@pytest.mark.usefixtures("no_proxies")
def test_pip_says_which_index_is_the_public_one(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = _command(bin_folder, "python3.12", "echo https://public.invalid/simple")
    monkeypatch.setattr(sys, "executable", str(pip))
    assert "waiting for the package index public.invalid, which" in setup.waits_for({})
    pip.write_text("#!/bin/sh\nexit 1\n")
    assert setup.waits_for({}) == ""


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_is_asked_in_the_indexs_place(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"UV_DEFAULT_INDEX": "https://index.invalid/simple"}
    assert "index.invalid, which cannot be reached (" in setup.waits_for(env)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert setup.waits_for(env) == ""
    assert "cannot be reached by way of the proxy 127.0.0.1 (" in setup.waits_for(env)


def test_the_script_is_readable_for_a_python_too_old_to_build_on() -> None:
    compile((REPOSITORY / "scripts" / "setup.py").read_text(), "setup.py", "exec", dont_inherit=True)
    tree = setup.ast.parse((REPOSITORY / "scripts" / "setup.py").read_text(), feature_version=(3, 8))
    assert tree.body
    assert os.access(REPOSITORY / "scripts" / "setup.py", os.X_OK)

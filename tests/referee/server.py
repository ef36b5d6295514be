"""Starts Trino (trino/Launcher.java) on the Glue and the S3 of a local AWS, and stops it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from tests.support.localaws import CREDENTIALS, REGION, LocalAws

CATALOG = "awsdatacatalog"

_HERE = Path(__file__).parent / "trino"
_LOCAL = Path(__file__).resolve().parents[2] / ".local" / "referee"
_JAVA = 25
_HEAP = "1g"
_START_SECONDS = 240.0
_STOP_SECONDS = 10.0


class NoReferee(RuntimeError):
    """There is no Trino to ask; the message says in one line what is missing."""


@dataclass(frozen=True)
class Referee:
    """A running Trino."""

    address: str
    started_seconds: float


@contextlib.contextmanager
def running_trino(aws: LocalAws, download_seconds: float = 1800.0) -> Generator[Referee]:
    """A Trino over a local AWS, stopped at the end. Raises NoReferee where it cannot be had.

    download_seconds: how long Maven may take when Trino's libraries are not there yet.
    """
    java = find_java()
    classpath = _classpath(download_seconds)
    properties = _LOCAL / f"catalog-{aws.port}.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in catalog_properties(aws).items()))
    begin = time.monotonic()
    log = _LOCAL / f"trino-{aws.port}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [str(java), *_options(), "-cp", classpath, str(_HERE / "Launcher.java"), CATALOG, str(properties)],
            cwd=_LOCAL,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            # A Ctrl-C in the terminal must reach the tests first; they stop the server.
            start_new_session=True,
        )
    try:
        yield Referee(_wait_ready(process, log), time.monotonic() - begin)
    finally:
        _stop(process)
        properties.unlink()
        log.unlink()


def catalog_properties(aws: LocalAws) -> dict[str, str]:
    """The Hive connector's settings (https://trino.io/docs/current/connector/hive.html) for the local AWS."""
    key, secret = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    return {
        "hive.metastore": "glue",
        "hive.metastore.glue.endpoint-url": aws.endpoint_url,
        "hive.metastore.glue.region": REGION,
        "hive.metastore.glue.aws-access-key": key,
        "hive.metastore.glue.aws-secret-key": secret,
        "fs.s3.enabled": "true",
        "s3.endpoint": aws.endpoint_url,
        "s3.region": REGION,
        "s3.aws-access-key": key,
        "s3.aws-secret-key": secret,
        "s3.path-style-access": "true",
        "hive.security": "allow-all",
        "hive.partition-projection-enabled": "true",
        "hive.metastore-cache-ttl": "0s",
        # As Athena does, which has no tables but external ones.
        "hive.non-managed-table-writes-enabled": "true",
    }


def _options() -> list[str]:
    # Those that Trino's documents ask for: https://trino.io/docs/current/installation/deployment.html#jvm-config
    return [
        f"-Xmx{_HEAP}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Duser.timezone=UTC",
        "--add-modules=jdk.incubator.vector",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        "--add-opens=java.base/java.nio=ALL-UNNAMED",
    ]


def find_java() -> Path:
    """A Java that is new enough: of JAVA_HOME, of the path, or where Debian puts it. Raises NoReferee."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    found = shutil.which("java")
    if found:
        homes.append(Path(found).resolve().parents[1])
    homes += sorted(Path("/usr/lib/jvm").glob(f"*{_JAVA}*"))
    for home in homes:
        java = home / "bin" / "java"
        if java.exists() and (home / "bin" / "javac").exists() and _version(java) >= _JAVA:
            return java
    raise NoReferee(f"Trino needs a JDK {_JAVA} or newer: set JAVA_HOME to one")


def _version(java: Path) -> int:
    shown = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', shown)
    return int(match[1]) if match else 0


def _classpath(seconds: float) -> str:
    """Trino's libraries, which Maven downloads once. Raises NoReferee."""
    pom = _HERE / "pom.xml"
    kept = _LOCAL / f"classpath-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if kept.exists() and all(Path(jar).exists() for jar in kept.read_text().split(os.pathsep)):
        return kept.read_text()
    maven = shutil.which("mvn")
    if maven is None:
        raise NoReferee("Trino's libraries need Maven: there is no command mvn")
    _LOCAL.mkdir(parents=True, exist_ok=True)
    making = kept.with_name(f"{kept.name}.{os.getpid()}")
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:build-classpath", f"-Dmdep.outputFile={making}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise NoReferee(f"Maven did not bring Trino's libraries within {seconds:.0f} s") from error
    if done.returncode or not making.exists():
        wrong = next((line for line in done.stdout.splitlines() if "ERROR" in line), "it says nothing")
        raise NoReferee(f"Maven does not bring Trino's libraries: {wrong[:300]}")
    making.replace(kept)
    return kept.read_text()


def _wait_ready(process: subprocess.Popen[str], log: Path) -> str:
    """The address that the launcher prints."""
    assert process.stdout is not None
    deadline = time.monotonic() + _START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                break
            line = process.stdout.readline()
            if line.startswith("ready "):
                return line.split()[1]
            if not line:
                break
    raise RuntimeError(f"Trino did not start within {_START_SECONDS:.0f} s: {log.read_text()[-500:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()

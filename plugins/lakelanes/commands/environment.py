"""Which lake a command works with: the variables of an ``.local/env`` beside it, and whether its AWS can be reached.

``make up`` writes that file. It counts if nobody has chosen an AWS by variables, so that no command goes elsewhere than
its user said.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.aws.error_codes import CREDENTIALS
from lakelanes.aws.failures import error_code, kind_of
from lakelanes.aws.reasons import reason_of
from lakelanes.commands.report import UsageError
from lakelanes.config.loading import DEFAULT_PATH
from lakelanes.config.model import LakeConfig
from lakelanes.lake import Lake

_FILE = Path(".local") / "env"
_VARIABLE = re.compile(r"(?:export )?((?:AWS|LAKE)_[A-Z0-9_]+)=(.*)")
# Each of these says whose AWS is meant, as botocore looks for credentials.
# https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html
_CHOSEN = (
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_PATIENCE = 3.0
_NO_CREDENTIALS = (
    botocore.NoCredentialsError,
    botocore.PartialCredentialsError,
    botocore.CredentialRetrievalError,
    botocore.ProfileNotFound,
    botocore.TokenRetrievalError,
    botocore.UnauthorizedSSOTokenError,
    botocore.SSOTokenLoadError,
)


@dataclass(frozen=True)
class EnvFile:
    """A file of variables that was read. endpoint: the address of AWS that came of it."""

    path: Path
    endpoint: str = ""


def read_env_file(config: str | None, env: MutableMapping[str, str], folder: Path) -> EnvFile | None:
    """Sets the variables of ``.local/env`` in this folder, or in one that the configuration lies in, that are not set.

    config: the path that the command was given; else that of LAKE_CONFIG counts. None where there is no such file, or
    where variables say already whose AWS is meant.
    """
    if any(env.get(name) for name in _CHOSEN):
        return None
    path = next((one for one in _candidates(config or env.get("LAKE_CONFIG"), folder) if one.is_file()), None)
    if path is None:
        return None
    found: dict[str, str] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if variable := _VARIABLE.fullmatch(line.strip()):
                found[variable[1]] = "".join(shlex.split(variable[2]))
    except (OSError, ValueError):
        return None
    for name, value in found.items():
        env.setdefault(name, value)
    return EnvFile(path, found.get("AWS_ENDPOINT_URL", ""))


def _candidates(config: str | None, folder: Path) -> Iterable[Path]:
    yield folder / _FILE
    for parent in Path(config or DEFAULT_PATH).resolve().parents:
        yield parent / _FILE


def open_lake(config: LakeConfig | None = None) -> Lake:
    """The lake of a configuration, else of LAKE_CONFIG. Raises UsageError where nothing answers at the endpoint of its
    AWS: sooner than the clients, which try again for half a minute."""
    lake = Lake.open(config)
    check_endpoint(os.environ.get("AWS_ENDPOINT_URL", ""))
    return lake


def check_endpoint(url: str) -> None:
    """Raises UsageError where nothing listens at the address; '' stands for AWS's own."""
    parts = urlsplit(url)
    if not parts.hostname or any(os.environ.get(name) for name in ("HTTP_PROXY", "HTTPS_PROXY")):
        return
    try:
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        socket.create_connection((parts.hostname, port), _PATIENCE).close()
    except (OSError, ValueError) as error:
        raise UnreachableError(url, str(error)) from None


class UnreachableError(UsageError):
    """Nothing answers at the address of AWS."""

    def __init__(self, url: str, why: str) -> None:
        self.url = url
        super().__init__(f"nothing answers at {url} ({why})")


def said(error: Exception, source: EnvFile | None) -> str:
    """What an error says to people, in one line, with what to do; one with several faults has a line for each."""
    if hasattr(error, "faults"):
        return str(error)
    text = " ".join(str(error).split())
    url = error.url if isinstance(error, UnreachableError) else ""
    if isinstance(error, botocore.HTTPClientError | botocore.EndpointConnectionError):
        url = str(getattr(error, "kwargs", {}).get("endpoint_url", "")) or "AWS"
        text = text if url in text else f"nothing answers at {url}: {text}"
    if url and source is not None and url.startswith(source.endpoint or "-"):
        return f"{text}; {source.path} names it: start the stack with make up, or set AWS_PROFILE for a lake on AWS"
    if url:
        return f"{text}; AWS_ENDPOINT_URL names it" if url == os.environ.get("AWS_ENDPOINT_URL") else text
    if isinstance(error, BotoCoreError) and isinstance(error, _NO_CREDENTIALS):
        return f"no AWS credentials: {text}; set AWS_PROFILE, or load the .local/env of a stack that make up started"
    if isinstance(error, botocore.NoRegionError):
        return f"{text} Set AWS_REGION"
    if isinstance(error, ClientError):
        return _refused(error, text)
    return text


def _refused(error: ClientError, text: str) -> str:
    if error_code(error) in CREDENTIALS:
        return f"AWS does not take these credentials: {text}"
    if kind_of(error) in ("refused", "key"):
        return reason_of(error)
    if kind_of(error) in ("missing", "nowhere"):
        return f"{text}; is the lake of this configuration deployed here? make up or python -m scripts.deploy does it"
    return text

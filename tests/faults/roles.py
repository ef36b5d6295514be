"""The product's roles, which the harness's processes work under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakelanes.config.loading import parse_config
from scripts.deploy import deploy
from tests.support.function import function_parameters
from tests.support.localaws import LocalAws
from tests.support.roles import function_credentials, worker_credentials


@dataclass(frozen=True)
class Roles:
    """Of one lake: ``worker`` is the environment of Airflow's workers."""

    aws: LocalAws
    outputs: Mapping[str, str]
    worker: dict[str, str]

    def function(self, output: str) -> dict[str, str]:
        """The credentials of a function's role; ``output`` is the one of the lake's stack that names the function."""
        return function_credentials(self.aws, self.outputs, output)


def deploy_with_roles(aws: LocalAws, text: str, folder: Path, **parameters: str) -> Roles:
    """Deploys the lake of the configuration ``text`` with its functions; they are not started, for the harness is them.

    The process's environment must point at ``aws``; the bundle goes into ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = parse_config(text, {})
    functions = function_parameters(aws, config, text, folder)
    given = {"RequireTls": "false", "FastLane": "off", **functions, **parameters}
    done = deploy(config, aws.client("cloudformation"), aws.client("sts"), parameters=given)
    worker = {**aws.environment, **worker_credentials(aws, done.outputs)}
    return Roles(aws, done.outputs, worker)

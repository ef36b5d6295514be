"""Loading the configuration file: environment variables, then every fault at once.

``load_config`` reads the file that ``LAKE_CONFIG`` names (``include/lake.json`` otherwise), replaces ``${NAME}`` by
environment variables, ``${NAME:-text}`` by the text where there is no such variable or it is empty (``$${`` stands for
a literal ``${``), and checks everything at once: a ``ConfigError`` lists each
fault with the path of the setting, what was found and what was expected.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lakelanes.config.faults import cross_faults, setting_fault
from lakelanes.config.model import LakeConfig
from lakelanes.config.raw_settings import shown
from lakelanes.config.resource_paths import INCLUDE
from lakelanes.errors import ConfigError

DEFAULT_PATH = INCLUDE / "lake.json"


def load_config(path: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None) -> LakeConfig:
    """The configuration in ``path`` (default: ``$LAKE_CONFIG``, else include/lake.json).

    Raises ConfigError with every fault of the file, or with the line and column where its JSON breaks.
    """
    env = os.environ if env is None else env
    source = Path(path or env.get("LAKE_CONFIG") or DEFAULT_PATH)
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(source), [f"cannot be read: {error}"]) from None
    return parse_config(text, env, str(source))


def resolved_text(path: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None) -> str:
    """The configuration file with its ``${NAME}`` replaced, as JSON that loads without those variables: for a bundle.

    Raises ConfigError as load_config does.
    """
    env = os.environ if env is None else env
    load_config(path, env)
    source = Path(path or env.get("LAKE_CONFIG") or DEFAULT_PATH)
    raw = _expand(json.loads(source.read_text(encoding="utf-8-sig")), env, "", [])
    return json.dumps(raw, indent=2, ensure_ascii=False).replace("${", "$${") + "\n"


def parse_config(text: str, env: Mapping[str, str], source: str = "configuration") -> LakeConfig:
    """The configuration in ``text``; ``source`` is what errors call it."""
    faults: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                faults.append(f"{key}: is given twice in one object")
            seen[key] = value
        return seen

    try:
        raw = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ConfigError(source, [f"line {error.lineno}, column {error.colno}: {error.msg}"]) from None
    except RecursionError:
        raise ConfigError(source, ["objects or lists are nested too deep"]) from None
    if not isinstance(raw, dict):
        raise ConfigError(source, [f"found {shown(raw)}, expected an object with aws, resources and entities"])
    raw = _expand(raw, env, "", faults)
    unset = tuple(fault.split(":", 1)[0] for fault in faults)
    config: LakeConfig | None = None
    try:
        config = LakeConfig.model_validate(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            line = setting_fault(detail)
            # A value that could not be expanded has been reported already.
            if line.split(":", 1)[0] not in unset:
                faults.append(line)
    faults.extend(cross_faults(raw))
    if faults or config is None:
        raise ConfigError(source, list(dict.fromkeys(faults)))
    return config


def json_schema() -> dict[str, Any]:
    """JSON Schema of the configuration file, for editors; written to include/lake.schema.json."""
    schema = LakeConfig.model_json_schema(by_alias=True)
    for model in ("Entity", "Table"):
        schema["$defs"][model]["properties"].pop("name")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Lakelanes configuration"}


def _expand(value: Any, env: Mapping[str, str], path: str, faults: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, env, f"{path}.{key}" if path else key, faults) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, env, f"{path}[{index}]", faults) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return "${"
        name, colon, default = match[1].partition(":-")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name or ""):
            faults.append(f"{path}: {match[0]!r} does not name an environment variable; write $${{ for a literal ${{")
        elif colon and not env.get(name):
            return default
        elif name not in env:
            faults.append(f"{path}: environment variable {name} is not set")
        else:
            return env[name]
        return match[0]

    return re.sub(r"\$\$\{|\$\{([^}]*)\}", variable, value)

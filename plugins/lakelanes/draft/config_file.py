"""A proposal in a configuration file: added where it belongs, and nothing else of the file touched.

The file is text that people keep in order, so the proposal is put into it, in the file's own indentation and line ends.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lakelanes.config.loading import parse_config
from lakelanes.draft.samples import DraftError
from lakelanes.errors import ConfigError

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_WIDTH = 110


def write(path: Path, setting: str, name: str, value: Mapping[str, Any], env: Mapping[str, str]) -> bool:
    """Adds ``value`` under this name to ``setting`` ("entities" or "tables") of the file, which is made if it is not
    there. Returns whether it was made.

    Raises DraftError for a name that is taken, and ConfigError where the file has faults then; it stays as it was.
    """
    made = not path.exists()
    data = b"" if made else path.read_bytes()
    text = _new_file(path) if made else data.decode("utf-8-sig")
    mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
    added = with_added(text, setting, name, value, str(path))
    try:
        parse_config(added, env, str(path))
    except ConfigError as error:
        unset = [fault for fault in error.faults if fault.endswith("is not set")]
        if len(unset) < len(error.faults):
            raise
    _replace(path, (mark + added).encode())
    return made


def with_added(text: str, setting: str, name: str, value: Mapping[str, Any], source: str = "the file") -> str:
    """The text of a configuration with one more entity or table. Raises DraftError."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DraftError(f"{source} is no JSON, so nothing can be added to it: {error}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get(setting, {}), dict):
        raise DraftError(f"{source} is no configuration with an object {setting!r}")
    if name in raw.get(setting, {}):
        raise DraftError(f"{source} has {setting}.{name} already: choose another name with --name")
    line_end = "\r\n" if "\r\n" in text else "\n"
    indent = _indent(text)
    spread = "\n" in text.strip()
    if setting not in raw:
        start, end, is_empty = _object_at(text, None)
        inner = f"{json.dumps(name)}: {_formatted(value, indent, 2)}"
        member = f"{json.dumps(setting)}: {{\n{indent * 2}{inner}\n{indent}}}"
        return _inserted(text, start, end, is_empty, member, indent, 0, line_end, spread)
    start, end, is_empty = _object_at(text, setting)
    member = f"{json.dumps(name)}: {_formatted(value, indent, 2)}"
    return _inserted(text, start, end, is_empty, member, indent, 1, line_end, spread)


def _inserted(
    text: str, start: int, end: int, is_empty: bool, member: str, indent: str, depth: int, line_end: str, spread: bool
) -> str:
    """The text with a member at the end of an object that begins and ends at these offsets."""
    if not spread:
        member = json.dumps(json.loads(f"{{{member}}}"), ensure_ascii=False)[1:-1]
        before = text[:end].rstrip() if not is_empty else text[: start + 1]
        return before + ("" if is_empty else ", ") + member + text[end:]
    body = text[: start + 1] if is_empty else text[:end].rstrip()
    comma = "" if is_empty else ","
    # What is there may be deeper than it should be: the new one stands where its neighbours do.
    inner, outer = indent * (depth + 1), indent * depth
    return body + comma + line_end + inner + member.replace("\n", line_end) + line_end + outer + text[end:]


def _indent(text: str) -> str:
    found = re.search(r"\{[ \t]*\r?\n([ \t]+)\"", text)
    return found[1] if found else "  "


def _object_at(text: str, key: str | None) -> tuple[int, int, bool]:
    """Offsets of the braces of the top object, or of the one that is this member of it, and whether it is empty."""
    depth, wanted, start, previous, count = 0, key is None, -1, "", 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "{[":
            if wanted and start < 0 and sign == "{" and depth == (0 if key is None else 1):
                start, count = token.start(), 0
            depth += 1
        elif sign in "}]":
            depth -= 1
            if start >= 0 and depth == (0 if key is None else 1):
                return start, token.start(), not count
        elif sign == ":" and depth == 1 and key is not None and start < 0:
            wanted = json.loads(previous) == key
        else:
            count += 1
        previous = sign
    raise DraftError(f"the file has no object {key!r}")


def _formatted(value: Any, indent: str, depth: int, *, spread: bool = True) -> str:
    """JSON as people write a configuration: short objects and lists in a line, others with a line for each member.

    spread: whether the value itself has a line for each member in any case.
    """
    short = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value:
        return short
    nested = isinstance(value, list) and any(isinstance(item, dict) for item in value) and len(value) > 1
    if not spread and not nested and len(indent) * depth + len(short) <= _WIDTH:
        return short
    inner = "\n" + indent * (depth + 1)
    if isinstance(value, dict):
        members = [
            f"{json.dumps(name, ensure_ascii=False)}: {_formatted(item, indent, depth + 1, spread=False)}"
            for name, item in value.items()
        ]
        return "{" + inner + ("," + inner).join(members) + "\n" + indent * depth + "}"
    items = [_formatted(item, indent, depth + 1, spread=False) for item in value]
    return "[" + inner + ("," + inner).join(items) + "\n" + indent * depth + "]"


def formatted(value: Mapping[str, Any]) -> str:
    """A proposal as it would stand in a file."""
    return _formatted(value, "  ", 0)


def _new_file(path: Path) -> str:
    """A configuration without entities whose resources are named after the file."""
    stem = re.sub("[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:40] or "lake"
    word = stem.replace("-", "_")
    raw = {
        "aws": {"region": "eu-central-1", "account_id": "${AWS_ACCOUNT_ID:-000000000000}"},
        "resources": {
            "source_bucket": f"{stem}-source",
            "analytics_bucket": f"{stem}-analytics",
            "glue_database": f"{word}_db" if word[0].isdigit() is False else f"db_{word}",
            "workgroup_name": f"{word}_workgroup",
            "sqs_queue": f"{word}_files",
            "ledger_table": f"{word}_ledger",
            "alert_topic": f"{word}_alerts",
        },
        "entities": {},
    }
    return json.dumps(raw, indent=2) + "\n"


def _replace(path: Path, data: bytes) -> None:
    """Writes the file whole or not at all, with the rights that it had."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""Files on a disk that are to be source files: which entity takes one, and the key that it then has."""

from __future__ import annotations

from pathlib import Path

from lakelanes.config.model import Entity, LakeConfig
from lakelanes.errors import AmbiguousFileError, LakeError
from lakelanes.files.ignored_names import IGNORED, is_ignored
from lakelanes.files.matching import matches_name


class FolderDecidesError(LakeError):
    """Entities with different folders could take the file."""


def takers(config: LakeConfig, path: Path) -> list[tuple[Entity, str]]:
    """The entities that could take the file, each with the key that it then has; where the folders that the file lies
    in are those of some of them, only these."""
    found = [(entity, key) for entity in config.entities.values() if (key := key_for(entity, path))]
    folder = f"{path.resolve().parent}/"
    beside = [(entity, key) for entity, key in found if folder.endswith(f"/{entity.source_prefix}")]
    named = [(entity, key) for entity, key in beside if entity.source_prefix]
    return named if named and len(found) > 1 else found


def key_for(entity: Entity, path: Path) -> str | None:
    """The key with which the entity would take the file; None where it would not, whatever the folder."""
    parts = path.resolve().parts[1:]
    tails = ["/".join(parts[at:]) for at in range(len(parts) - 1, -1, -1)]
    for tail in tails if "/" in entity.filename_pattern else tails[:1]:
        if matches_name(entity, entity.source_prefix + tail):
            return entity.source_prefix + tail
    return None


def why_none(config: LakeConfig, path: Path, found: list[tuple[Entity, str]]) -> tuple[str, str]:
    """Why no entity takes the file, where ``takers`` found none or several, and the key that it would have.

    Raises FolderDecidesError where its folder in the bucket would decide.
    """
    if not found:
        if is_ignored(config, path.name):
            return f"{path.name!r} is ignored: {IGNORED}", path.name
        return f"no entity takes a file named {path.name!r}: no filename_pattern matches it", path.name
    names = [entity.name for entity, _ in found]
    if len({entity.source_prefix for entity, _ in found}) < len(found):
        return str(AmbiguousFileError(found[0][1], names)), found[0][1]
    folders = ", ".join(f"{entity.source_prefix or 'no folder'} of {entity.name}" for entity, _ in found)
    raise FolderDecidesError(
        f"the folder decides whose file {path.name!r} is ({folders}): name the entity with --entity"
    )

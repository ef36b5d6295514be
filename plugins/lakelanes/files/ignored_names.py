"""Names of files that are no entity's on purpose: markers that tools leave in a bucket, and what the lake is told."""

from __future__ import annotations

from functools import lru_cache

from lakelanes.config.filename_patterns import FilenamePattern
from lakelanes.config.model import LakeConfig

IGNORED = "the name is one of a marker, or of ignored_names"

# Of Hadoop's and Spark's committers (https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/committers.html),
# of EMR (https://repost.aws/knowledge-center/emr-s3-empty-files), of macOS and of Windows.
_MARKERS = (
    r"_SUCCESS|_(?:started|committed)_\d+|_metadata|_common_metadata|\..*\.crc|.*_\$folder\$|"
    r"\.DS_Store|\._.*|[Tt]humbs\.db|[Dd]esktop\.ini|\.keep|\.gitkeep",
    r"(?:.*/)?(?:_temporary|__MACOSX)/.*",
)


def is_ignored(config: LakeConfig, key: str) -> bool:
    """Whether a file that no entity takes is so on purpose, by the name of its key or, for patterns with a `/`, by the
    key."""
    name = key.rsplit("/", 1)[-1]
    patterns = map(_compiled, (*_MARKERS, *config.ignored_names))
    return any(pattern.fullmatch(key if "/" in pattern.text else name) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> FilenamePattern:
    return FilenamePattern(pattern)

"""The memory that columns are made and written in."""

from __future__ import annotations

import pyarrow as pa


def _pool() -> pa.MemoryPool:
    # Buffers of some hundred kilobytes come and go all the time here. mimalloc, pyarrow's choice, holds 50 MB more of
    # them and takes a tenth more time; not every build of pyarrow has jemalloc.
    try:
        return pa.jemalloc_memory_pool()
    except NotImplementedError:
        return pa.system_memory_pool()


POOL = _pool()

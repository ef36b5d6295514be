"""What the engine takes for granted of its libraries, looked at when it starts instead of in the middle of a file.

Builds of pyarrow differ in what was compiled in, and a parameter that botocore does not know fails only the call that
needs it: the write of a Parquet file, or the one copy whose target somebody else has just written.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import botocore

from lakelanes.errors import LibraryError

# The first one that writes decimals as whole numbers (store_decimal_as_integer of ParquetWriter).
OLDEST_PYARROW = (17, 0)
# What each codec is for.
CODECS = {"lz4": "rows on their way to many partitions", "zstd": "tables, and compressed files"}
# The parameters on which exactly-once rests, and others of late; by service and operation.
PARAMETERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "s3": {
        "CompleteMultipartUpload": ("IfMatch", "IfNoneMatch"),
        "CopyObject": ("CopySourceIfMatch", "IfMatch", "IfNoneMatch"),
        "DeleteObject": ("IfMatch",),
        "PutObject": ("IfMatch", "IfNoneMatch"),
        "UploadPartCopy": ("CopySourceIfMatch",),
    },
    "dynamodb": {
        "ExportTableToPointInTime": ("ExportType", "IncrementalExportSpecification"),
        "PutItem": ("ReturnValuesOnConditionCheckFailure",),
    },
}
_REMEDY = (
    "install the versions of constraints.txt from the package index's wheels; functions get them with the layer of "
    "`make package`"
)


@contextmanager
def starting() -> Generator[None]:
    """For imports and what is made once: all of it stays, and to look for garbage in it takes an eighth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@functools.cache
def check_arrow() -> None:
    """Raises LibraryError when pyarrow is too old, or lacks a codec that tables are written with."""
    import pyarrow as pa  # clients are made without it, in the functions' start and wherever a DAG file is parsed

    version = tuple(int(part) for part in pa.__version__.split(".")[:2])
    missing = [f"{codec} (for {use})" for codec, use in CODECS.items() if not pa.Codec.is_available(codec)]
    faults = [f"was built without {' and '.join(missing)}"] if missing else []
    if version < OLDEST_PYARROW:
        faults.append(f"is older than {'.'.join(map(str, OLDEST_PYARROW))}")
    if faults:
        raise LibraryError(f"pyarrow {pa.__version__} in {pa.__path__[0]} {', and '.join(faults)}", _REMEDY)


def check_client(service: str, model: Any) -> None:
    """Raises LibraryError when botocore's description of a service (a ServiceModel) lacks what the engine sends."""
    missing = [
        f"{name} of {operation}"
        for operation, names in PARAMETERS.get(service, {}).items()
        for name in names
        if operation not in model.operation_names or name not in model.operation_model(operation).input_shape.members
    ]
    if missing:
        where = f"botocore {botocore.__version__} in {botocore.__path__[0]}"
        raise LibraryError(f"{where} does not know {', '.join(missing)} ({service})", _REMEDY)

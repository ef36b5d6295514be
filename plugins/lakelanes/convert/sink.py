"""Where Parquet files go: a sink that is closed to keep what was written and aborted to leave no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Sink(Protocol):
    """A binary sink. Nothing is visible to readers before close(); after abort() nothing ever is."""

    def write(self, data: Any, /) -> Any: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


OpenSink = Callable[[], Sink]


class WrittenFile:
    """What the file objects have in common that pyarrow writes to, each with a ``write`` of its own that counts
    ``_position``. pyarrow's close() does not close what is behind them."""

    closed = False

    def __init__(self) -> None:
        self._position = 0

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


class SinkFile(WrittenFile):
    """A Sink as a file object, which commit() closes."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink
        self._aborted = False

    def write(self, data: Any) -> int:
        size = len(data)
        # A Parquet writer that is dropped after an abort still writes its footer: to nowhere.
        if not self._aborted:
            self._sink.write(data)
        self._position += size
        return size

    def commit(self) -> None:
        self.closed = True
        self._sink.close()

    def abort(self) -> None:
        self._aborted = True
        self._sink.abort()

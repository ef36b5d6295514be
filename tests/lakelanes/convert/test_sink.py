"""A sink as the file that pyarrow writes to: committed once, or never."""

from __future__ import annotations

from lakelanes.convert.sink import SinkFile
from tests.lakelanes.convert.support import MemorySink


def test_closing_the_file_does_not_commit_the_sink() -> None:
    sink = MemorySink()
    file = SinkFile(sink)
    assert file.write(b"abc") == 3
    file.close()
    assert (sink.state, file.tell(), file.closed) == ("open", 3, False)
    file.commit()
    assert (sink.state, bytes(sink.data), file.closed) == ("closed", b"abc", True)


def test_what_is_written_after_an_abort_goes_nowhere() -> None:
    sink = MemorySink()
    file = SinkFile(sink)
    file.write(b"abc")
    file.abort()
    assert file.write(b"footer") == 6
    assert (sink.state, bytes(sink.data), file.tell()) == ("aborted", b"abc", 9)

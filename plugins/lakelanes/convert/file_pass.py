"""One pass over a file: its rows in order, those that fit as typed batches and those that do not with the reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import NoReturn

import numpy as np
import pyarrow as pa

from lakelanes.convert.blocks import BLOCK_BYTES, MAX_RECORD_BYTES, Block, BlockReader
from lakelanes.convert.dialect import Dialect
from lakelanes.convert.errors import FileRefusedError
from lakelanes.convert.footer import FooterCutter
from lakelanes.convert.header import BYTE_ORDER_MARK, Layout, by_position, match_header, separator_fault
from lakelanes.convert.header_hints import lines_of, settings
from lakelanes.convert.left_out import LeftOut
from lakelanes.convert.parse import BlockParser, ParsedBlock
from lakelanes.convert.policy import RESCUED
from lakelanes.convert.quoting import quote_fault
from lakelanes.convert.read_ahead import InOrder, read_ahead
from lakelanes.convert.record_index import RecordIndex, count_lines, ends_line, index_records, split_fields
from lakelanes.convert.rejects import RejectRows, raw_text, raw_texts, rejected_alike
from lakelanes.convert.source import ByteSource, Filter
from lakelanes.convert.stand_in import StandInReader
from lakelanes.convert.task import Task
from lakelanes.convert.transcode import without_controls

log = logging.getLogger(__name__)

# What is parsed while a row group is written.
_BLOCKS_AHEAD, _BYTES_AHEAD = 12, 16 << 20
# Blocks wait for each other until they have so many odd records, or bytes.
_ODD_AT_ONCE, _BYTES_WAITING = 2000, 16 << 20
_COLUMN_WEIGHT, _REJECT_WEIGHT = 1 << 10, 300
_HEADER_BYTES = 4096
_LONGEST_HEADER = 1 << 20
_TOO_LONG_HEADER = f"the header is longer than {_LONGEST_HEADER >> 20} MiB"
_WIDE = 2500
_REJECTS_AT_ONCE = 1 << 15
_SEPARATOR_BYTES = 64


@dataclass
class Piece:
    """Some rows of the file: those that fit and those that do not."""

    records: int
    batches: list[pa.RecordBatch]
    rejects: RejectRows | None
    left_out: int = 0

    @cached_property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        weight: int = sum(batch.nbytes + _COLUMN_WEIGHT * batch.num_columns for batch in self.batches)
        if self.rejects is not None:
            weight += _REJECT_WEIGHT * len(self.rejects) + sum(map(len, self.rejects.raws))
        return weight


class FilePass:
    """One pass over the file, as a context manager.

    refusal: why every row is rejected, in the second pass over a refused file; None in the first.
    by_line: in the second pass, whether the lines are rejected, as the rows cannot be told. whole: whether these are
    all lines, also those that the dialect skips at the beginning and at the end. head_only: whether it ends with the
    first rows of a packed file.
    differences: the columns of the table that the header lacks, and the names in it that the table lacks.
    layout: where the columns are, once a header that fits has been read.
    """

    def __init__(
        self,
        task: Task,
        refusal: str | None = None,
        *,
        by_line: bool = False,
        whole: bool = False,
        head_only: bool = False,
    ) -> None:
        self._task = task
        self._by_line, self._whole, self._head_only = by_line, whole, head_only
        self._dialect, self._stand_in = task.source.dialect.as_read, task.source.dialect.stand_in
        self._left_out = LeftOut(self._dialect)
        self._left_out_above = 0
        self._footer: FooterCutter | None = None
        self._refusal = refusal
        self._record, self._line = 1, 1
        self._header_lines, self._header_record, self._header_end = 0, b"", b""
        self.differences: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self.layout: Layout | None = None

    def __enter__(self) -> FilePass:
        self._open()
        if not (self._source.foreign or self._whole):
            self._line += self._reader.skip_lines(self._dialect.skip_rows)
        self._reader.skip_mark(BYTE_ORDER_MARK)
        self._first = self._reader.next_block()
        return self

    def __exit__(self, *exception: object) -> None:
        self._source.close()

    def _open(self) -> None:
        self._source = ByteSource(
            self._task.source.open(),
            self._dialect.encoding,
            self._filters(),
            max_ratio=self._task.policy.max_compression_ratio,
            head_only=self._head_only,
        )
        self._reader = BlockReader(self._source, self._dialect, self._task.tuning.block_bytes)

    @property
    def failure(self) -> str | None:
        return self._reader.failure

    @property
    def unpacks_too_far(self) -> bool:
        return self._source.unpacks_too_far

    @property
    def left_out(self) -> int:
        """How many rows and comments are left out above the first row and as the footer."""
        return self._left_out_above + (self._footer.lines if self._footer else 0)

    def _filters(self) -> list[Filter]:
        """What the bytes of the file go through."""
        found: list[Filter] = []
        if self._dialect.skip_footer and not self._whole:
            found.append(self._cut_footer)
        if (stand_in := self._stand_in) is not None:
            found.append(lambda read: StandInReader(read, stand_in))
        return found

    def _cut_footer(self, read: Callable[[int], bytes]) -> FooterCutter:
        self._footer = FooterCutter(read, self._dialect.skip_footer)
        return self._footer

    def _check_lines(self) -> None:
        """Raises FileRefusedError for a file of fewer lines than the dialect skips, unless it is empty."""
        skipped, cut = self._line - 1, self._footer.lines if self._footer else 0
        is_short = skipped < self._dialect.skip_rows or (self._first is None and cut < self._dialect.skip_footer)
        if is_short and skipped + cut and not self.failure:
            self._refuse_short(skipped + cut)

    def _check_header(self) -> None:
        """The same for a file in which nothing is left for the header."""
        cut = self._footer.lines if self._footer else 0
        if (self._dialect.skip_rows or cut) and self._line - 1 + cut and not self.failure:
            self._refuse_short(self._line - 1 + cut)

    def _refuse_short(self, lines: int) -> NoReturn:
        skips = [
            f"dialect.{name} is {getattr(self._dialect, name)}"
            for name in ("skip_rows", "skip_footer")
            if getattr(self._dialect, name)
        ]
        what = "header" if self._dialect.header else "row"
        raise FileRefusedError(
            f"{' and '.join(skips)}, but the file has {lines} line{'s'[: lines != 1]}: no {what} is left",
            header_read=False,
            whole=True,
        )

    def pieces(self) -> Iterator[Piece]:
        """The file's rows, read ahead in another thread where that is asked for and the file is large enough.

        Raises FileRefusedError in the first pass when the file cannot be read by its header.
        """
        threaded = self._task.workers is not None and not self._small
        return read_ahead(self._pieces(), _BLOCKS_AHEAD, threaded, weight=attrgetter("weight"), most=_BYTES_AHEAD)

    @property
    def _small(self) -> bool:
        """Whether the first block is all there is."""
        return self._reader.exhausted

    def _pieces(self) -> Iterator[Piece]:
        if self._refusal is not None and self._by_line:
            yield from self._unread_lines(self._refusal)
            return
        try:
            if self._source.foreign:
                raise FileRefusedError(
                    f"the file is {self._source.foreign}, expected {_text_in(self._dialect)}, plain or packed "
                    "with gzip, bzip2, zstandard or zip",
                    header_read=False,
                )
            if self._source.misread:
                raise FileRefusedError(f"the file {self._source.misread}", header_read=False)
            self._check_lines()
            layout = self._layout()
            if layout is None:
                return
        except FileRefusedError:
            if self._refusal is None:
                raise
            yield from self._refused_records(self._refusal)
            return
        self.differences, self.layout = (layout.missing, layout.extra), layout
        yield from self._rows(layout)

    def _layout(self) -> Layout | None:
        """Where the columns are; None for an empty file."""
        task = self._task
        if not self._dialect.header:
            if self._first is not None and (reason := self._separator_fault(self._first.data, self._line)):
                raise FileRefusedError(reason)
            return by_position(len(task.columns), self._dialect)
        fields = self._header()
        if fields is None:
            self._check_header()
            return None
        taken = {*task.table.partition_keys, RESCUED, *task.variants, *(name for name, _ in task.columns)}
        try:
            with _fault_of_the_file(self._line):
                return match_header(fields, task.headers, task.policy, self._dialect, taken, task.required)
        except FileRefusedError as refused:
            # A header of several lines may have swallowed rows, so its lines are rejected as well.
            refused.header_read &= self._header_lines <= 1
            if reason := self._separator_fault(self._header_record, self._line - 1):
                raise FileRefusedError(reason, refused.missing, refused.extra) from None
            if refused.missing:
                self._with_setting(refused)
            raise

    def _separator_fault(self, start: bytes | bytearray, line: int) -> str | None:
        """What is wrong with a file whose header, or first row, begins so; None unless that is a `sep=` line."""
        start = bytes(start[:_SEPARATOR_BYTES])
        if self._stand_in is not None:
            start = self._stand_in.value(start)
        return separator_fault(start, line, self._task.source.dialect)

    def _header(self) -> list[bytes] | None:
        """Reads the header's fields off the first block; None when there is nothing but blank lines."""
        dialect = self._dialect
        while (block := self._first) is not None:
            with _fault_of_the_file(self._line):
                index = _first_records(block, dialect, self._left_out)
                kept = self._left_out.kept(block.data, index)
            if kept.size:
                start, end = int(index.starts[kept[0]]), int(index.ends[kept[0]])
                self._left_out_above += int(kept[0]) + int(np.count_nonzero(index.comments < start))
                stop = min(end + (2 if block.data[end : end + 2] == b"\r\n" else 1), block.length)
                self._line += count_lines(block.data, stop)
                self._header_lines = count_lines(block.data[start:stop], stop - start)
                self._first = _without_start(block, stop)
                self._header_end = bytes(block.data[end:stop])
                if end - start > _LONGEST_HEADER:
                    why = self.failure or _TOO_LONG_HEADER
                    raise FileRefusedError(why, header_read=False, head_only=self.unpacks_too_far)
                self._header_record = self._left_out.header = header = bytes(block.data[start:end])
                if dialect.quote and (fault := quote_fault(header, dialect)):
                    refused = FileRefusedError(f"the header cannot be read: {fault}", header_read=False)
                    raise self._with_setting(refused)
                fields = split_fields(header, dialect)
                return fields if self._stand_in is None else list(map(self._stand_in.value, fields))
            if block.oversized is not None and block.oversized.is_comment:
                self._line += self._reader.read_rest(block).lines
                self._left_out_above += 1
                self._first = self._reader.next_block()
                continue
            if index.torn is not None:
                why = self._endless_header(block, index)
                refused = FileRefusedError(why, header_read=False, head_only=self.unpacks_too_far)
                raise self._with_setting(refused)
            self._line += count_lines(block.data, block.length)
            self._left_out_above += index.comments.size + index.starts.size
            self._first = self._reader.next_block()
        return None

    def _with_setting(self, refused: FileRefusedError) -> FileRefusedError:
        """The same with the settings that make a header fit, where they show in the lines of this one or below it."""
        block, record, first = self._first, self._header_record, self._line - self._header_lines
        with _fault_of_the_file(self._line):
            # A header of several lines may have swallowed the right one.
            lines = [(first, record), *list(lines_of(record, len(record), first))[1:]] if record else []
            lines += lines_of(block.data, block.length, self._line) if block is not None else []
            if hint := settings(lines, self._task.headers, self._dialect, self._task.source.dialect.delimiter):
                refused.add(hint)
        return refused

    def _endless_header(self, block: Block, index: RecordIndex) -> str:
        if block.oversized is None:
            return self.failure or f"the header does not end: {_never_closed(index.in_quotes)}"
        header = self._reader.read_rest(block)
        if header.ended or self.failure:
            return self.failure or _TOO_LONG_HEADER
        return f"the header does not end: {_never_closed(header.in_quotes)}"

    def _next_block(self) -> Block | None:
        first, self._first = self._first, None
        return first if first is not None and first.length else self._reader.next_block()

    def _rows(self, layout: Layout) -> Iterator[Piece]:
        """The rows under the header: parsed, or each of them rejected in the second pass."""
        task = self._task
        self._reader.returns_end = returns_end = self._returns_end()
        left_out = None if self._left_out.none else self._left_out
        parser = BlockParser(layout, task, returns_end=returns_end, left_out=left_out)
        # An array takes some hundred bytes, however few rows are in it: few blocks at once.
        wide = layout.width >= _WIDE

        def parse(block: Block) -> ParsedBlock | None:
            if block.oversized is not None or (block.final and self.failure):
                return None
            with _fault_of_the_file():
                return parser.parse_plain(block, self._refusal)

        waiting: list[tuple[Block, ParsedBlock]] = []
        with InOrder(
            parse, self._next_block, None if self._small else task.workers, lambda block: wide or block.large
        ) as results:
            for block, parsed in results:
                if parsed is not None:
                    waiting.append((block, parsed))
                    if wide or _settles_now(waiting):
                        yield from self._settled(waiting, parser)
                    continue
                yield from self._settled(waiting, parser)
                if block.oversized is not None:
                    yield from self._long_record(block)
                elif block.crowded:
                    self._give_back_crowded([block, *results.take_back()])
                else:
                    # The block ends inside a record. What was read after it began there too: it comes again.
                    self._reader.push_back(results.take_back())
                    yield from self._whole_records(block, parser, returns_end=returns_end)
            yield from self._settled(waiting, parser)

    def _settled(self, waiting: list[tuple[Block, ParsedBlock]], parser: BlockParser) -> Iterator[Piece]:
        """The rows of the blocks that wait for their odd records to be judged, and of those after them."""
        with _fault_of_the_file(self._line):
            settled = [parsed for parsed in parser.settle(waiting) if parsed is not None]
            if len(settled) < len(waiting):
                raise ValueError("the CSV parser and the record index disagree")
        for (block, _), parsed in zip(waiting, settled, strict=True):
            self._reader.recycle(block)
            yield self._advance(parsed)
        waiting.clear()

    def _give_back_crowded(self, blocks: list[Block]) -> None:
        self._reader.push_back(blocks)
        self._reader.make_smaller()

    def _whole_records(self, block: Block, parser: BlockParser, *, returns_end: bool) -> Iterator[Piece]:
        """The rows of a block that ends inside a record, as far as they are whole; its lines, if there is no hope."""
        _, hopeless = self._shorten(block, parser.keep_blank, whole_lines=not returns_end)
        if block.length:
            with _fault_of_the_file(self._line):
                parsed = parser.parse(block, self._refusal)
                if parsed is None and not block.crowded:
                    raise ValueError("the CSV parser and the record index disagree")
            if parsed is None:
                self._give_back_crowded([block])
                return
            yield self._advance(parsed)
        if hopeless:
            yield from self._unread_lines(hopeless.replace("{line}", str(self._line)))

    def _returns_end(self) -> bool:
        """Whether the file's first record ends with a carriage return alone."""
        if not self._header_end and self._first is not None:
            index, looked_at = _first_records(self._first, self._dialect, self._left_out), [self._first]
            # Comments and blank lines do not tell, and a file may begin with more than a block of them.
            while not index.starts.size and index.torn is None and sum(one.length for one in looked_at) < BLOCK_BYTES:
                if looked_at[-1].oversized is not None or (block := self._reader.next_block()) is None:
                    break
                index = _first_records(block, self._dialect, self._left_out)
                looked_at.append(block)
            block = looked_at[-1]
            end = int(index.ends[0]) if index.starts.size else block.length
            self._header_end = bytes(block.data[end : min(end + 2, block.length)])
            if len(looked_at) > 1:
                # They come again, cut as is known only now.
                self._reader.push_back(looked_at)
                self._first = None
        return self._header_end[:1] == b"\r" and self._header_end[1:] != b"\n"

    def _refused_records(self, reason: str) -> Iterator[Piece]:
        """The records under a header that does not fit, each of them rejected."""
        while (block := self._next_block()) is not None:
            if block.oversized is not None:
                yield from self._long_record(block)
                continue
            index, hopeless = self._shorten(block, keep_blank=False)
            kept = self._left_out.kept(block.data, index)
            first_line, lines = self._line, count_lines(block.data, block.length)
            for at in range(0, kept.size, _REJECTS_AT_ONCE):
                some = kept[at : at + _REJECTS_AT_ONCE]
                raws = raw_texts(block.data, index.starts[some], index.ends[some], self._dialect.encoding)
                rejects = rejected_alike(np.arange(some.size), index.lines(some), reason, self._in_file(raws))
                yield self._advance(ParsedBlock(some.size, 0, [], rejects))
            left_out = index.comments.size + index.starts.size - kept.size
            self._line = first_line
            yield self._advance(ParsedBlock(0, lines, [], None, left_out))
            if hopeless:
                yield from self._unread_lines(hopeless.replace("{line}", str(self._line)))

    def _shorten(self, block: Block, keep_blank: bool, *, whole_lines: bool = False) -> tuple[RecordIndex, str | None]:
        """Cuts a block where its last whole record ends; the rest comes again with the next block. whole_lines: where
        the line before it ends, as a carriage return alone does not end one.

        Unless that is hopeless, because the rest begins with a record that does not end: also returns why, or None.
        """
        whole = (block.final and not self.failure) or ends_line(block.data, block.length, self._dialect)
        index = index_records(
            block.data, block.length, self._dialect, final=whole, keep_blank=keep_blank, returns_end=not whole_lines
        )
        if index.torn is None:
            return index, None
        torn = index.whole_line(block.data, index.torn) if whole_lines else index.torn
        self._reader.push_back([block], torn)
        if torn == 0:
            self._reader.distrust()
        hopeless = (self._cut_off() or _endless(index.in_quotes)) if block.final else None
        block.length = torn
        return index, hopeless

    def _long_record(self, block: Block) -> Iterator[Piece]:
        """The record that an oversized block begins with, rejected; by its lines, if it does not end."""
        record = self._reader.read_rest(block)
        if not record.ended:
            endless = self._cut_off() or _endless(record.in_quotes).replace("{line}", str(self._line))
            # The first pass ends with the failure, whatever was read before.
            if self._refusal is not None or not self.failure:
                self._reread(block.start)
                yield from self._unread_lines(endless)
        elif record.is_comment:
            yield self._advance(ParsedBlock(0, record.lines, [], None, 1))
        else:
            reason = f"the record that begins on line {self._line} is longer than {MAX_RECORD_BYTES >> 20} MiB"
            if record.several_lines:
                reason += ": a quote in it may not be closed"
            [raw] = self._in_file([raw_text(record.head, self._dialect.encoding, record.size)])
            rejects = rejected_alike(np.zeros(1, np.int64), np.zeros(1, np.int64), reason, [raw])
            yield self._advance(ParsedBlock(1, record.lines, [], rejects))

    def _reread(self, start: int) -> None:
        """Goes back to this offset in the source, which is opened once more for that."""
        self._source.close()
        self._open()
        self._reader.skip_bytes(start)

    def _cut_off(self) -> str | None:
        """The reason of a record that the end of readable bytes cuts off: the refusal itself where that is for them."""
        if self.failure and self._refusal and (self._head_only or self._refusal.endswith(self.failure)):
            return self._refusal
        return self.failure

    def _unread_lines(self, reason: str) -> Iterator[Piece]:
        """The rest of the file as rejected lines, blank ones left out."""
        if self._first is not None:
            self._reader.push_back([self._first])
        encoding = self._source.encoding
        for lines, last_size in self._reader.lines():
            kept = np.array([number for number, raw in enumerate(lines) if raw], np.int64)
            raws = [raw_text(raw, encoding) for raw in lines[:-1] if raw]
            raws += [raw_text(lines[-1], encoding, last_size)] * (last_size > 0)
            raws = list(map(without_controls, raws)) if self._source.foreign else raws
            rejects = rejected_alike(np.arange(kept.size), kept, reason, self._in_file(raws))
            yield self._advance(ParsedBlock(kept.size, len(lines), [], rejects))

    def _advance(self, parsed: ParsedBlock) -> Piece:
        rejects = parsed.rejects.moved(self._record, self._line) if parsed.rejects is not None else None
        self._record += parsed.records
        self._line += parsed.lines
        return Piece(parsed.records, parsed.batches, rejects, parsed.left_out)

    def _in_file(self, texts: list[str]) -> list[str]:
        """Texts that were read, as they stand in the file."""
        return texts if self._stand_in is None else list(map(self._stand_in.text, texts))


def _settles_now(waiting: list[tuple[Block, ParsedBlock]]) -> bool:
    """Whether the blocks are to wait no longer: none has to, or they have enough odd records or bytes."""
    odd = [parsed.odd for _, parsed in waiting if parsed.odd is not None]
    if not odd or sum(one.where.records.size for one in odd) >= _ODD_AT_ONCE:
        return True
    return sum(block.length + Piece(0, parsed.batches, None).weight for block, parsed in waiting) >= _BYTES_WAITING


@contextmanager
def _fault_of_the_file(line: int | None = None) -> Iterator[None]:
    """What reads nothing but bytes that are there already, so that whatever it raises is about them: the file is
    refused, line by line, and the log has the traceback."""
    try:
        yield
    except (FileRefusedError, MemoryError):
        raise
    except Exception as error:
        where = "" if line is None else f" from line {line} on"
        log.exception("rows%s cannot be read", where)
        reason = f"the rows{where} cannot be read: {error or type(error).__name__}"
        raise FileRefusedError(reason, header_read=False) from error


def _first_records(block: Block, dialect: Dialect, left_out: LeftOut) -> RecordIndex:
    """The index of the block's first records, of at least one that is not left out if it has any."""
    length = _HEADER_BYTES
    while length < block.length:
        index = index_records(block.data, length, dialect, final=False, keep_blank=False)
        if left_out.kept(block.data, index).size:
            return index
        length *= 16
    return index_records(block.data, block.length, dialect, final=block.oversized is None, keep_blank=False)


def _text_in(dialect: Dialect) -> str:
    return f"text in {'UTF-8' if dialect.encoding == 'utf-8' else dialect.encoding}"


def _without_start(block: Block, start: int) -> Block:
    rest = block.data[start : block.length]
    return replace(block, data=rest, length=len(rest), start=block.start + start)


def _never_closed(quote: bool) -> str:
    return "a quote in it is never closed" if quote else "an escape in it is the last character of the file"


def _endless(quote: bool) -> str:
    return f"{'a quote' if quote else 'an escape'} in the record that begins on line {{line}} is never closed"

"""A block of whole records into one typed record batch and the rows that are rejected.

Two readers agree on every row. The kernel (lakelanes.convert.kernel) is compiled and reads what is plain; the records
that it leaves, and all of them where it cannot be used, go to the careful reader (lakelanes.convert.careful), which
decides about each value and gives the reason for those it refuses. A clean file never meets the second reader, and a
dirty one only with its dirty rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from lakelanes.convert.arrays import of_numbers, of_truths
from lakelanes.convert.blocks import SMALL_ENOUGH, Block
from lakelanes.convert.careful import CarefulReader, Judged, file_columns
from lakelanes.convert.cast import Array, Mask, cast_column
from lakelanes.convert.faults import Positions
from lakelanes.convert.header import Layout
from lakelanes.convert.kernel import Columns, Kernel, ManyShortRecordsError, TornBlockError, kernel_for
from lakelanes.convert.left_out import LeftOut, without
from lakelanes.convert.null_values import with_more_nulls
from lakelanes.convert.quoting import beside_quotes
from lakelanes.convert.record_index import count_lines
from lakelanes.convert.rejects import RejectRows, raw_texts
from lakelanes.convert.schema import NUMBER, batch_of, table_schema, widened
from lakelanes.convert.task import Task

# A block with a greater share of odd records is read without the kernel, and so are some blocks after it.
_MOSTLY = 0.5
_FIRST_PAUSE, _LAST_PAUSE = 8, 512
_FEW = 32
# More records than these are not read the careful way at once: each of them takes some hundred bytes.
_MANY_CAREFUL = 1 << 15
# A block of more odd records, or of more bytes of them, is worth a call of the careful reader of its own.
_MANY_ODD, _MANY_ODD_BYTES = 1000, 128 << 10
# So many columns times slices of a batch, and it is copied instead: a slice takes some hundred bytes per column.
_MANY_SLICES = 1 << 12


@dataclass
class ParsedBlock:
    """records: how many the block holds; lines: how many physical lines end in it.

    batches: the rows that fit, with the variant columns of this block's misfits. rejects: the others, None when there
    are none; numbered within the block. left_out: how many records and comments the dialect leaves out; they are not
    among the records. odd: of a block that has still to be settled, the records that are in neither.
    """

    records: int
    lines: int
    batches: list[pa.RecordBatch]
    rejects: RejectRows | None
    left_out: int = 0
    odd: OddRecords | None = None


@dataclass
class _Where:
    """Of some records their number in the block, how many lines end before each, its first byte and its line end."""

    records: Positions
    lines: Positions
    starts: Positions
    ends: Positions


@dataclass
class OddRecords:
    """The odd records of a block, each with a line feed after it. where: their bytes are those in data."""

    data: bytearray
    where: _Where


class BlockParser:
    """Parses blocks of one file, in any order and in several threads.

    layout: where the file has which column. With the task's partitions the column NUMBER has the number of each row's
    partition; a row of none is a bad one. Without its tuning's `fast` the kernel is not used (the result is the same).
    returns_end: whether the file's lines end with a carriage return alone; one in another file makes bad rows.
    left_out: what the dialect leaves out of the file; None where that is nothing.
    """

    def __init__(
        self, layout: Layout, task: Task, *, returns_end: bool = True, left_out: LeftOut | None = None
    ) -> None:
        self._returns_end = returns_end
        self._partitions = task.partitions
        self._dialect, self._stand_in = task.source.dialect.as_read, task.source.dialect.stand_in
        self._left_out, self._width = left_out, layout.width
        self._schema = table_schema(task.columns, task.policy.schema, layout, numbered=task.partitions is not None)
        columns = file_columns(layout, task, self._schema)
        self._careful = CarefulReader(layout, task, self._schema, columns, returns_end=returns_end)
        self._in_table = [column for column in columns if column.order is not None]
        self._kernel: Kernel | None = None
        if task.tuning.fast:
            # The kernel leaves rows with a text in another column to the careful reader.
            empty = [column.position for column in columns if column.order is None]
            empty += [layout.width - 1] * layout.trailing
            wanted = [(column.position, column.type) for column in self._in_table]
            judges = [column.judge for column in self._in_table]
            self._kernel = kernel_for(layout.width, wanted, self._dialect, empty, judges)
        # Of these the kernel makes the values, and finds no fault with their nulls.
        self._required = [number for number, column in enumerate(self._in_table) if column.judge.required]
        self._pause, self._next_pause = 0, _FIRST_PAUSE
        self.keep_blank = self._careful.keep_blank

    def parse(self, block: Block, refusal: str | None = None) -> ParsedBlock | None:
        """The block's rows; None when its end turns out to be inside a record, and when it is crowded.

        refusal: reject every row, those without a fault of their own with this reason.
        """
        parsed = self.parse_plain(block, refusal)
        return self.settle([(block, parsed)])[0] if parsed is not None else None

    def parse_plain(self, block: Block, refusal: str | None = None) -> ParsedBlock | None:
        """parse() that may leave odd records to settle()."""
        if self._left_out is not None and self._left_out.may_be_in(block.data, block.length, self.keep_blank):
            return self._parse_kept(self._left_out, block, refusal)
        return self._parse(block, refusal)

    def settle(self, blocks: Sequence[tuple[Block, ParsedBlock]]) -> list[ParsedBlock | None]:
        """The blocks with their odd records judged, all at once; None for one that both readers cannot agree on.

        Together, because few records take the careful reader as long as some hundred: its code is out of the
        processor's caches, which the kernel filled with the block.
        """
        some = [parsed.odd for _, parsed in blocks if parsed.odd is not None]
        if not some:
            return [parsed for _, parsed in blocks]
        data = bytearray().join(odd.data for odd in some)
        judged = self._careful.read(data, len(data))
        if judged is None or judged.records != sum(odd.where.records.size for odd in some):
            # The two readers differ about what the records of one of the blocks are.
            if len(blocks) > 1:
                return [self.settle([one])[0] for one in blocks]
            return [self._parse_careful(blocks[0][0], None)]
        settled, record, at = list[ParsedBlock | None](), 0, 0
        for _, parsed in blocks:
            if (odd := parsed.odd) is None:
                settled.append(parsed)
                continue
            settled.append(self._settled(parsed, odd, data, at, judged, record))
            record, at = record + odd.where.records.size, at + len(odd.data)
        return settled

    def _parse_kept(self, left_out: LeftOut, block: Block, refusal: str | None) -> ParsedBlock | None:
        """The block's rows without what is left out of it."""
        index = self._careful.index(block.data, block.length)
        if index.torn is not None:
            return None
        kept = left_out.kept(block.data, index, returns_end=self._returns_end)
        count = index.comments.size + index.starts.size - kept.size
        if not count:
            return self._parse(block, refusal)
        parsed = ParsedBlock(0, 0, [], None)
        if kept.size:
            rest = without(block, index, kept, returns_end=self._returns_end)
            found = self._parse(rest, refusal)
            if found is not None:
                [found] = self.settle([(rest, found)])
            if rest.crowded:
                block.crowded = True
                return None
            if found is None or found.records != kept.size:
                raise ValueError("the CSV parser and the record index disagree")
            parsed = found
        rejects = parsed.rejects
        if rejects is not None:
            rejects = replace(rejects, lines=index.lines(kept[rejects.records]))
        return replace(parsed, lines=count_lines(block.data, block.length), rejects=rejects, left_out=count)

    def _parse(self, block: Block, refusal: str | None) -> ParsedBlock | None:
        if self._kernel is not None and refusal is None and not beside_quotes(block.data, block.length, self._dialect):
            if not self._pause:
                return self._parse_plain(self._kernel, block)
            self._pause -= 1
        return self._parse_careful(block, refusal)

    def _parse_plain(self, kernel: Kernel, block: Block) -> ParsedBlock | None:
        """The kernel's reading of the block, its odd records read the careful way."""
        try:
            read = kernel.read(block.data, block.length)
        except TornBlockError:
            return None
        except ManyShortRecordsError:
            read = None
        if read is None:
            return self._parse_careful(block, None)
        if read.lone_returns and not self._returns_end:
            kernel.release(read)
            return self._parse_careful(block, None)
        batch, odd = self._plain_batch(kernel, read, self._without_stand_in(block, read))
        if not odd.size:
            kernel.release(read)
            return ParsedBlock(read.records, read.lines, [batch], None)
        if self._crowds(block, odd.size):
            kernel.release(read)
            return None
        if odd.size > _MOSTLY * read.records and read.records >= _FEW:
            kernel.release(read)
            self._pause = self._next_pause
            self._next_pause = min(2 * self._next_pause, _LAST_PAUSE)
            return self._parse_careful(block, None)
        records = _odd_records(block, read, odd)
        parsed = ParsedBlock(read.records, read.lines, [batch], None, odd=records)
        kernel.release(read)
        few = odd.size <= _MANY_ODD and len(records.data) <= _MANY_ODD_BYTES
        return parsed if few else self.settle([(block, parsed)])[0]

    def _without_stand_in(self, block: Block, read: Columns) -> Mask:
        """Of the rows that the kernel read, those whose texts hold nothing that stands in for something else.

        In the others it would not know a null value either.
        """
        rows = read.records - read.odd.size
        data, length, stand_in = block.data, block.length, self._stand_in
        quote = (self._dialect.quote or "").encode()
        if stand_in is None or not any(mark and data.find(mark, 0, length) >= 0 for mark in (quote, stand_in.mark)):
            return np.ones(rows, bool)
        octets = np.frombuffer(data, np.uint8, length)
        places = np.flatnonzero((octets == ord(stand_in.character)) | (octets == ord(stand_in.mark)))
        _, ends, _ = read.places(np.arange(read.records))
        counts = np.bincount(np.searchsorted(ends, places), minlength=read.records)
        # Between the fields there are one fewer than fields.
        plain: Mask = np.delete(counts, read.odd) == self._width - 1
        return plain

    def _plain_batch(self, kernel: Kernel, read: Columns, good: Mask) -> tuple[pa.RecordBatch, Positions]:
        """The rows that the kernel read, and the records that are not among them. good: the rows that may be."""
        arrays, odd = read.arrays, read.odd
        rows = read.records - odd.size
        for number, raw in enumerate(kernel.raw):
            if raw:
                cast = cast_column(self._with_more_nulls(read, number), self._in_table[number].judge)
                arrays[number] = cast.values
                good[cast.bad] = False
        for number in self._required:
            if arrays[number].null_count:
                good &= arrays[number].is_valid().to_numpy(zero_copy_only=False)
        filled: list[Array | None] = [None] * len(self._schema)
        for column, values in zip(self._in_table, arrays, strict=True):
            filled[column.order or 0] = values
        if self._partitions is not None:
            numbers, _ = self._partitions.read(batch_of(self._schema, filled, rows), good)
            good &= numbers >= 0
            filled[self._schema.get_field_index(NUMBER)] = of_numbers(numbers)
        batch = batch_of(self._schema, filled, rows)
        if good.all():
            return batch, odd
        plain = np.delete(np.arange(read.records), odd)
        return batch.filter(of_truths(good)), np.union1d(odd, plain[~good])

    def _with_more_nulls(self, read: Columns, number: int) -> Array:
        column = self._in_table[number]
        if not column.judge.more_nulls:
            return read.arrays[number]

        def quoted(candidates: Array) -> Array:
            return of_truths(read.quoted(column.position))

        return with_more_nulls(read.arrays[number], column.judge, column.judge.null_values, quoted)

    def _settled(
        self, parsed: ParsedBlock, odd: OddRecords, data: bytearray, at: int, judged: Judged, record: int
    ) -> ParsedBlock:
        """A block's rows with those of its odd records that were judged: they begin with this record of `judged`, and
        are data[at:] there."""
        where, [batch] = odd.where, parsed.batches
        first, last = np.searchsorted(judged.emitted, [record, record + where.records.size])
        good = judged.good[first:last]
        accepted = judged.emitted[first:last][good] - record
        if accepted.size:
            plain = np.delete(np.arange(parsed.records), where.records)
            rows = _rows_of(judged.batch.slice(first, last - first), good)
            batch = pa.concat_batches([widened(batch, judged.batch.schema), *rows])
            batch = batch.take(of_numbers(np.argsort(np.concatenate([plain, where.records[accepted]]))))
        rejects = None
        refused = judged.faults.records()
        refused = refused[slice(*np.searchsorted(refused, [record, record + where.records.size]))]
        if refused.size:
            own = refused - record
            places = _Where(where.records[own], where.lines[own], where.starts[own] + at, where.ends[own] + at)
            rejects = self._rejects(data, judged, refused, places)
        return replace(parsed, batches=[batch], rejects=rejects, odd=None)

    def _parse_careful(self, block: Block, refusal: str | None) -> ParsedBlock | None:
        lines = count_lines(block.data, block.length)
        if self._crowds(block, lines):
            return None
        judged = self._careful.read(block.data, block.length)
        if judged is None:
            return None
        if refusal is None and not judged.faults.any:
            return ParsedBlock(judged.records, lines, [judged.batch], None)
        index = judged.index or self._careful.index(block.data, block.length)
        rejected = judged.faults.records() if refusal is None else np.arange(index.starts.size)
        where = _Where(rejected, index.lines(rejected), index.starts[rejected], index.ends[rejected])
        rejects = self._rejects(block.data, judged, rejected, where, refusal)
        batches = _rows_of(judged.batch, judged.good) if refusal is None else []
        return ParsedBlock(judged.records, lines, batches, rejects)

    def _crowds(self, block: Block, careful: int) -> bool:
        """Marks a block as crowded if it is, with as many records to be read the careful way."""
        block.crowded = careful > _MANY_CAREFUL and block.length > SMALL_ENOUGH and not block.single
        return block.crowded

    def _rejects(
        self, data: bytearray, judged: Judged, records: Positions, where: _Where, refusal: str | None = None
    ) -> RejectRows:
        """These of the judged records as rejected rows, those without a fault of their own with the refusal.

        where: of their bytes in data.
        """
        columns, reasons = judged.faults.of(records)
        raws = raw_texts(data, where.starts, where.ends, self._dialect.encoding)
        return RejectRows(
            where.records,
            where.lines,
            columns,
            [reason or refusal or "" for reason in reasons],
            raws if self._stand_in is None else list(map(self._stand_in.text, raws)),
            judged.faults.first_freezing(records),
        )


def _odd_records(block: Block, read: Columns, odd: Positions) -> OddRecords:
    starts, ends, lines = read.places(odd)
    records, places = block.data, zip(starts.tolist(), ends.tolist(), strict=True)
    data = bytearray(b"\n").join([*(records[start:end] for start, end in places), b""])
    sizes = ends - starts
    starts = np.cumsum(sizes + 1) - (sizes + 1)
    return OddRecords(data, _Where(odd, lines, starts, starts + sizes))


def _rows_of(batch: pa.RecordBatch, good: Mask) -> list[pa.RecordBatch]:
    """The good rows: slices between a few bad ones, which cost no copy, and a filtered copy when there are many."""
    bad = np.flatnonzero(~good)
    if bad.size > _FEW or bad.size * batch.num_columns > _MANY_SLICES:
        return [batch.filter(of_truths(good))]
    edges = [-1, *bad.tolist(), len(good)]
    runs = [(start + 1, end - start - 1) for start, end in pairwise(edges)]
    return [batch.slice(start, length) for start, length in runs if length]

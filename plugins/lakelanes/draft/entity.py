"""The draft of an entity: proposed from what the samples show, then held against all of their rows.

The converter itself reads every sample with the draft. A row that it rejects tells what the first megabytes did not
show, and the draft is made again with that, until no row is rejected or nothing more is to be learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from lakelanes.config.faults import setting_fault
from lakelanes.config.model import Entity
from lakelanes.convert.dialect import COLUMN_SETTINGS, Dialect
from lakelanes.convert.header_hints import shown_name
from lakelanes.convert.policy import WITHHELD
from lakelanes.convert.values import parse_value
from lakelanes.draft.columns import STYLES, Proposal, Texts, is_day_first, propose
from lakelanes.draft.file_names import Naming, column_name_of, read_names, with_file_key
from lakelanes.draft.samples import DraftError, Encoding, Looked, Sample, encoding_of, look
from lakelanes.draft.shape import Shape, guess_shape, records_of
from lakelanes.draft.trial import Trial, run
from lakelanes.types import parse_type

_ROUNDS, _LEARNING = 8, 5
_FINEST, _MOST = 62, 400
_GRAINS = (("day", ("%Y", "%m", "%d")), ("month", ("%Y", "%m")), ("year", ("%Y",)))
_DATE_KEYS = ("year", "month", "day")
_DIALECT = ("date_format", "timestamp_format", "beyond_microseconds", "decimal_separator", "thousands_separator",
            "trailing_minus", "parentheses", "currencies", "percent", "true_values", "false_values")  # fmt: skip


@dataclass(frozen=True)
class ColumnEvidence:
    """What a column's type rests on. header: its name in the files. doubts: what a person has to look at."""

    name: str
    header: str
    type: str
    text: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A proposal. setting: where it belongs, "entities" or "tables". value: what the configuration has under its name.

    files: what was read. found: what was seen of files as a whole. doubts: what a person has to look at.
    """

    setting: str
    name: str
    value: dict[str, Any]
    files: tuple[str, ...]
    found: tuple[str, ...]
    columns: tuple[ColumnEvidence, ...]
    doubts: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        columns = [
            {"name": one.name, "header": one.header, "type": one.type, "found": one.text, "doubts": list(one.doubts)}
            for one in self.columns
        ]
        evidence = {
            "files": list(self.files),
            "found": list(self.found),
            "columns": columns,
            "doubts": list(self.doubts),
        }
        return {
            "name": self.name,
            "entity" if self.setting == "entities" else "table": self.value,
            "evidence": evidence,
        }


def draft_entity(samples: Sequence[Sample], name: str | None = None) -> Draft:
    """An entity that takes the samples. Raises DraftError where they are no CSV text, or hold no row."""
    encoding, agreed = encoding_of(samples)
    looked = look(samples, encoding.name)
    work = _Work(samples, looked, encoding, guess_shape(looked), read_names([sample.name for sample in samples]))
    if not agreed:
        work.doubts.append(f"the samples are in different encodings; {encoding.name} is that of the first")
    return work.draft(name)


@dataclass
class _Work:
    """What is known while a draft is made."""

    samples: Sequence[Sample]
    looked: list[Looked]
    encoding: Encoding
    shape: Shape
    naming: Naming
    doubts: list[str] = field(default_factory=list)
    texts: list[Texts] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    as_text: set[int] = field(default_factory=set)
    coarsest: int = 0

    def draft(self, name: str | None) -> Draft:
        headers = self.shape.names or [f"column_{number}" for number in range(1, self.shape.width + 1)]
        taken = set(self.naming.keys) or {*_DATE_KEYS, "file"}
        for number, header in enumerate(headers, 1):
            self.names.append(column_name_of(header, number, {*taken, *self.names}))
            self.texts.append(Texts(header))
        for rows in self.shape.rows:
            for row in rows:
                for texts, text in zip(self.texts, row.fields, strict=False):
                    texts.add(text, row.line)
        value, proposals, trials = self._settled()
        entity_name = name or self.naming.stem
        return Draft(
            "entities", entity_name, {"table_name": _table_name(entity_name), **value}, self._files(trials),
            self._found(trials), tuple(self._evidence(headers, proposals)), tuple(dict.fromkeys(self._doubts(trials))),
        )  # fmt: skip

    def _settled(self) -> tuple[dict[str, Any], list[Proposal], list[Trial]]:
        """The entity, the proposals it is of, and what the converter made of each sample with it."""
        for number in range(_ROUNDS):
            proposals = self._proposals()
            value = self._value(proposals)
            entity = self._entity(value)
            trials = [run(entity, sample.open, sample.name) for sample in self.samples]
            if not self._learn(trials, give_up=number >= _LEARNING):
                break
        return value, proposals, trials

    def _entity(self, value: dict[str, Any]) -> Entity:
        try:
            return Entity.model_validate({"table_name": "draft", **value})
        except ValidationError as error:
            faults = "; ".join(setting_fault(detail) for detail in error.errors(include_url=False))
            raise DraftError(f"nothing can be proposed that the configuration takes: {faults}") from None

    def _proposals(self) -> list[Proposal]:
        first = [propose(texts) for texts in self.texts]
        style = self._style(first)
        orders = {
            is_day_first(form) for one in first if len(one.doubts) == 0
            for form in (one.settings.get("date_format"), one.settings.get("timestamp_format")) if form
        } - {None}  # fmt: skip
        if not orders and (self.shape.settings.get("delimiter") == ";" or (style and style[0] == ",")):
            orders = {True}
        day_first = orders.pop() if len(orders) == 1 else None
        found = [propose(texts, style, day_first=day_first) for texts in self.texts]
        for at in self.as_text:
            found[at] = Proposal(parse_type("string"), doubts=["its texts are of no one type"])
        return found

    def _style(self, proposals: Sequence[Proposal]) -> tuple[str, str | None] | None:
        """The separators that most of the columns may have; None without numbers that have any."""
        order = list(STYLES)
        if self.shape.settings.get("delimiter") != ";":
            order.sort(key=lambda one: one == (",", None))
        counts = {one: sum(one in proposal.styles for proposal in proposals) for one in order}
        best = max(order, key=lambda one: (counts[one], -order.index(one)))
        return best if counts[best] else None

    def _value(self, proposals: list[Proposal]) -> dict[str, Any]:
        keys, pattern, example = self._partitions(proposals)
        columns = []
        for name, texts, proposal in zip(self.names, self.texts, proposals, strict=True):
            column: dict[str, Any] = {"name": name, "type": proposal.type.text}
            if self.shape.settings.get("header", True) and texts.name.lower() != name:
                column["header"] = texts.name
            columns.append(column | proposal.settings)
        dialect = dict(self.shape.settings)
        if self.encoding.name != "utf-8":
            dialect["encoding"] = self.encoding.name
        _hoist(dialect, columns, proposals)
        self._nulls(dialect, columns, proposals)
        value: dict[str, Any] = {}
        if self.samples[0].folder:
            value["source_prefix"] = self.samples[0].folder
        value |= {"filename_pattern": pattern, "example": example, "partition_keys": keys}
        if dialect:
            value["dialect"] = dialect
        if self.shape.lacking:
            value["missing_columns"] = "null"
        return {**value, "schema": columns}

    def _nulls(self, dialect: dict[str, Any], columns: list[dict[str, Any]], proposals: Sequence[Proposal]) -> None:
        """Words for null: of the dialect where all columns that have such mean the same, and none has them as text."""
        words = [set(proposal.nulls) for proposal in proposals if proposal.nulls]
        if not words:
            return
        every = set().union(*words)
        in_text = any(
            proposal.type.is_text and every & set(texts.values)
            for texts, proposal in zip(self.texts, proposals, strict=True)
        )
        if not in_text and dialect.get("escape") is None:
            dialect["null_values"] = ["", *sorted(every)]
            return
        for column, proposal in zip(columns, proposals, strict=True):
            if proposal.nulls:
                column["null_values"] = ["", *(word for word in proposal.nulls)]

    def _partitions(self, proposals: Sequence[Proposal]) -> tuple[list[Any], str, str]:
        """Partition keys, the pattern of names, and an example."""
        example = self.samples[0].name
        if self.naming.keys:
            return list(self.naming.keys), self.naming.pattern, example
        for kind in ("date", "timestamp"):
            for name, texts, proposal in zip(self.names, self.texts, proposals, strict=True):
                if proposal.type.kind != kind or proposal.nulls or texts.filled < texts.total:
                    continue
                if forms := self._grain(texts, proposal):
                    keys = [
                        {"name": key, "column": name, "format": form}
                        for key, form in zip(_DATE_KEYS, forms, strict=False)
                    ]
                    return keys, self.naming.pattern, example
        naming = with_file_key(self.naming)
        return list(naming.keys), naming.pattern, example

    def _grain(self, texts: Texts, proposal: Proposal) -> tuple[str, ...]:
        """The finest grain with few partitions in a file; () for a column of too many years."""
        dialect = Dialect().of_column(proposal.settings)
        seen = {
            (moment.year, moment.month, moment.day)
            for moment in (parse_value(text.encode(), proposal.type, (), dialect) for text in texts.values)
        }
        for number, (_, forms) in enumerate(_GRAINS):
            count = len({day[: len(forms)] for day in seen})
            if number >= self.coarsest and count <= (_FINEST if len(forms) > 1 else _MOST):
                return forms
        return ()

    def _learn(self, trials: Sequence[Trial], *, give_up: bool) -> bool:
        """Takes in what rejected rows show. Returns whether the draft is another with it."""
        learned = False
        for at, trial in enumerate(trials):
            if trial.reason and "max_partitions_per_file" in trial.reason:
                self.coarsest, learned = self.coarsest + 1, True
            for reject in trial.rejects:
                if reject.reason.startswith(WITHHELD) or reject.column is None:
                    continue
                position = self._position(at, reject.column)
                rows = records_of(reject.raw.encode(), self.shape.dialect, final=True)
                if position is None or not rows:
                    continue
                column, place = position
                text = rows[0].fields[place] if place < len(rows[0].fields) else ""
                if give_up or text in self.texts[column].counts:
                    learned |= column not in self.as_text
                    self.as_text.add(column)
                else:
                    self.texts[column].add(text, reject.line)
                    learned = True
        return learned

    def _position(self, sample: int, column: str) -> tuple[int, int] | None:
        """The place of a column among all, and in the rows of a sample."""
        lowered = [texts.name.lower() for texts in self.texts]
        wanted = column.lower()
        at = lowered.index(wanted) if wanted in lowered else self.names.index(column) if column in self.names else None
        if at is None:
            return None
        if not self.shape.orders:
            return at, at
        order = self.shape.orders[sample]
        return (at, order.index(lowered[at])) if lowered[at] in order else None

    def _files(self, trials: Sequence[Trial]) -> tuple[str, ...]:
        lines = []
        for looked, trial in zip(self.looked, trials, strict=True):
            read = "all of it was looked at"
            if not looked.whole:
                read = f"the first {len(looked.head) / 1e6:.1f} MB of {looked.size / 1e6:,.1f} MB were looked at"
            rows = f"{trial.rows_loaded or 0:,} rows loaded and {trial.rows_rejected:,} rejected"
            lines.append(f"{looked.sample.name}: {read}; tried with the draft: {rows}")
        return tuple(lines)

    def _found(self, trials: Sequence[Trial]) -> tuple[str, ...]:
        settings = self.shape.settings
        lines = [
            f"encoding {self.encoding.name}" + (f", as in {self.encoding.example!r}" if self.encoding.example else "")
        ]
        lines.append(f"delimiter {settings.get('delimiter', ',')!r}, {self.shape.width} columns")
        lines += self.naming.evidence
        return tuple(lines)

    def _evidence(self, headers: Sequence[str], proposals: Sequence[Proposal]) -> list[ColumnEvidence]:
        found = []
        for name, header, texts, proposal in zip(self.names, headers, self.texts, proposals, strict=True):
            nulls = sum(count for text, count in texts.counts.items() if text.strip(" \t") in proposal.nulls)
            filled, count = texts.filled - nulls, texts.total
            text = f"{filled:,} of {count:,} are {proposal.type.text}"
            if count > filled:
                words = ", ".join(map(repr, proposal.nulls))
                text += f", the others null{f' ({words})' if words else ''}"
            if proposal.type.is_text:
                longest = max(map(len, texts.counts), default=0)
                text = f"{filled:,} of {count:,} are text, of {longest:,} characters at most"
            if not filled:
                text = f"all {count:,} are empty"
            if proposal.widest is not None and not proposal.type.is_text:
                text += f"; widest on line {texts.line_of(proposal.widest)} ({shown_name(proposal.widest)})"
            found.append(ColumnEvidence(name, header, proposal.type.text, text, tuple(proposal.doubts)))
        return found

    def _doubts(self, trials: Sequence[Trial]) -> list[str]:
        doubts = [*self.doubts, *self.shape.doubts, *self.naming.doubts]
        if not self.encoding.is_sure:
            doubts.append(
                f"the text is not UTF-8, so its encoding is the one of a few that fits best ({self.encoding.name}): "
                f"does {self.encoding.example!r} look right?"
            )
        if self.shape.lacking:
            doubts.append(f"not all samples have {', '.join(self.shape.lacking)}: null where they lack it")
        if not self.naming.keys:
            doubts.append(
                "the names have no date, so partitions come from the rows, or are the files themselves: is that right?"
            )
        for trial, sample in zip(trials, self.samples, strict=True):
            if trial.rows_rejected:
                seen = trial.reasons[0]
                doubts.append(
                    f"{sample.name}: {trial.rows_rejected:,} rows are rejected by the draft, e.g. line "
                    f"{seen.first.line}: {trial.reason or seen.first.reason}"
                )
        return doubts


def _hoist(dialect: dict[str, Any], columns: list[dict[str, Any]], proposals: Sequence[Proposal]) -> None:
    """Moves what all columns of a kind have in common to the dialect."""
    for setting in _DIALECT:
        kinds = COLUMN_SETTINGS[setting] or ()
        of_kind = [
            column
            for column, proposal in zip(columns, proposals, strict=True)
            if proposal.type.kind in kinds and not (proposal.type.kind == "bigint" and setting not in column)
        ]
        values = [column.get(setting) for column in of_kind]
        if values and values[0] is not None and all(value == values[0] for value in values):
            dialect[setting] = values[0]
            for column in of_kind:
                del column[setting]


def _table_name(name: str) -> str:
    return column_name_of(name, 1, set())[:119]

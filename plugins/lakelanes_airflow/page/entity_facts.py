"""What an entity is, in words: how its files are named, when they are due, which settings are not the defaults."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cron_descriptor import FormatError, MissingFieldError, Options, WrongArgumentError, get_description
from pydantic import BaseModel

from lakelanes.config.model import Column, Entity, Grain
from lakelanes_airflow.timetables.schedules import DEFAULT_CRON

# What the page says elsewhere, or what an entity cannot do without.
_SAID = {"table_name", "filename_pattern", "partition_keys", "columns", "source_prefix", "example"}
_LANES: dict[tuple[str, ...], str] = {
    ("batch",): "Runs and the sweep load them; the low-latency lane does not.",
    ("fast",): "The low-latency lane loads a file when it comes, and the sweep what that lane leaves.",
}
_BOTH = "The low-latency lane loads a file when it comes; runs and the sweep load what that lane leaves."
_BEGINNINGS: dict[Grain, str] = {
    "hour": "at the full hour",
    "day": "at midnight",
    "month": "at midnight",
    "year": "at midnight",
}
# https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/cron.html#cron-presets
_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}


@dataclass(frozen=True)
class Setting:
    """A setting that is not its default: its path below the entity, both values as JSON."""

    path: str
    value: str
    default: str


@dataclass(frozen=True)
class ColumnFact:
    """A column of the table. notes: what the configuration says of it beside its type, as short texts."""

    name: str
    type: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class EntityFacts:
    """An entity in sentences. example: key of a file as it may be named, '' where none is known; is_given: whether the
    configuration names it, and not a file that came."""

    example: str
    is_given: bool
    partitions: str
    expected: str
    lanes: str
    columns: tuple[ColumnFact, ...]
    settings: tuple[Setting, ...]


def facts_of(entity: Entity, newest_key: str = "") -> EntityFacts:
    """newest_key: key of a file of the entity that the ledger knows, where the configuration has no example."""
    example = f"{entity.source_prefix}{entity.example}" if entity.example else newest_key
    return EntityFacts(
        example,
        entity.example is not None,
        _partitions(entity),
        _expected(entity),
        _LANES.get(entity.lanes, _BOTH),
        tuple(map(_column, entity.table_columns)),
        tuple(_settings(entity)),
    )


def _partitions(entity: Entity) -> str:
    named, from_rows = [key.name for key in entity.name_keys], entity.data_keys
    if entity.grain and len(named) == len(entity.date_keys):
        return f"one for each {entity.grain}, which the file's name says"
    parts = [f"{_listed(named)} from the file's name"] if named else []
    parts += [f"{key.name} from the column {key.column}" for key in from_rows]
    lead = f"one for each {entity.partition_grain}" if entity.partition_grain else "one for each value"
    others = [key.name for key in entity.partition_keys if key.name not in entity.date_keys]
    if entity.partition_grain and others:
        lead += f" and {_listed(others)}"
    return f"{lead}: {', '.join(parts)}"


def _expected(entity: Entity) -> str:
    grain = entity.grain
    if "batch" not in entity.lanes:
        return "No run waits for its files, so nothing says when they are due."
    if grain is None:
        if entity.schedule is None:
            return "Nothing says when its files are due."
        return f"A run loads what has come: {cron_words(entity.schedule)} ({entity.timezone}). No file has a deadline."
    begins = _BEGINNINGS[grain]
    if entity.schedule and entity.schedule != DEFAULT_CRON[grain]:
        begins = f"at the next time of this schedule: {cron_words(entity.schedule)}"
    return (
        f"Every {grain}. Its run starts when the {grain} is over, {begins} ({entity.timezone}), "
        f"and its files may come until {duration_words(entity.deadline)} later."
    )


def cron_words(schedule: str) -> str:
    """A cron schedule in words, without a full stop: 'at 06:00, Monday through Friday'. Itself where there are none."""
    options = Options()
    options.use_24hour_time_format = True
    try:
        text: str = get_description(_PRESETS.get(schedule, schedule), options)
    except (FormatError, MissingFieldError, WrongArgumentError):
        return schedule
    return text[:1].lower() + text[1:]


def duration_words(minutes: int) -> str:
    """Minutes in the largest unit that says them exactly: '3 hours', '90 minutes', '7 days'."""
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes % size == 0 and minutes >= 2 * size:
            return f"{minutes // size:,} {unit}s"
    if minutes in (60, 1440):
        return "1 hour" if minutes == 60 else "24 hours"
    return f"{minutes:,} minute{'' if minutes == 1 else 's'}"


def _column(column: Column) -> ColumnFact:
    notes = [f'"{column.header}" in the header'] if column.header else []
    notes += ["required"] if column.required else []
    notes += [f"{name} {_json(value)}" for name, value in column.value_settings.items()]
    notes += [column.comment] if column.comment else []
    return ColumnFact(column.name, column.type.text, tuple(notes))


def _settings(entity: Entity) -> list[Setting]:
    changed = entity.model_dump(exclude_defaults=True, exclude=_SAID, by_alias=True)
    return _flat(changed, type(entity).model_construct(), "")


def _flat(changed: dict[str, Any], plain: BaseModel, path: str) -> list[Setting]:
    found: list[Setting] = []
    for name, value in changed.items():
        default = getattr(plain, name)
        if isinstance(default, BaseModel):
            found += _flat(value, default, f"{path}{name}.")
        else:
            found.append(Setting(path + name, _json(value), _json(default)))
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

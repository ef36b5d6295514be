"""Every fault of an entity's dialect and of its columns' own settings at once, found in the raw file.

A Dialect reports the first of its faults. Without the setting that it is about, it reports the next one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from lakelanes.config.model import Column, CsvDialect
from lakelanes.config.raw_settings import listed
from lakelanes.convert.dialect import Dialect


def dialect_faults(path: str, entity: dict[str, Any]) -> Iterator[str]:
    """The faults of the dialect of an entity at this path, and those of its columns with what of the dialect has none,
    in the words in which the model reports the first of them."""
    raw = entity.get("dialect")
    settings = _valid(raw) if isinstance(raw, dict) else {}
    for fault in _without_faults(lambda rest: Dialect(**rest), settings):
        yield f"{path}.dialect: {fault}"
    dialect = Dialect(**settings)
    for place, column in enumerate(listed(entity, "schema")):
        try:
            read = Column.model_validate(column)
        except ValidationError:
            continue
        for fault in _without_faults(dialect.of_column, dict(read.value_settings)):
            yield f"{path}: schema[{place}], column {read.name!r}: {fault}"


def _valid(raw: dict[str, Any]) -> dict[str, Any]:
    """The settings that are known and of their type; the others are faults that are reported where they stand."""
    rest = {name: value for name, value in raw.items() if name in CsvDialect.model_fields}
    try:
        CsvDialect.model_validate(rest)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["loc"]:
                rest.pop(str(detail["loc"][0]), None)
    # Lists of the file are tuples of a dialect.
    return {name: tuple(value) if isinstance(value, list) else value for name, value in rest.items()}


def _without_faults(make: Callable[[dict[str, Any]], object], settings: dict[str, Any]) -> Iterator[str]:
    """What make() finds wrong with the settings, one after the other; each that is at fault is taken out of them."""
    while True:
        try:
            make(settings)
            return
        except ValueError as error:
            fault = str(error)
        yield fault
        named = [name for name in re.findall(r"[a-z_]+", fault) if name in settings]
        if not named:
            # It is about settings that are not these: a column's, with the dialect's.
            return
        del settings[named[0]]

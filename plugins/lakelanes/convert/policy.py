"""What becomes of a file whose columns or values are not the table's, in the terms of dlt's schema contracts.

evolve        the table grows by a column that takes it
freeze        the file is refused
discard_row   the row is rejected
discard_value the row is loaded without it

https://dlthub.com/docs/general-usage/schema-contracts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_COMPRESSION_RATIO = 1000
"""How many times its own bytes a packed file may unpack to, unless it is told otherwise."""

Reaction = Literal["evolve", "freeze", "discard_row", "discard_value"]

# The column that `rescue` adds to the table: a JSON object of header -> text, null in rows that lost nothing.
RESCUED = "_rescued"
# The Hive type of every column that a table gains by itself, and of RESCUED.
EVOLVED_TYPE = "string"
# How the reason of a withheld row begins: one that is rejected for the file's fault and has none of its own, as far as
# is known. No reason of a bad row begins so.
WITHHELD = "the file was refused: "


@dataclass(frozen=True)
class SchemaPolicy:
    """new_columns: for names in the header that the table lacks. type_misfits: for texts that are no value of their
    column's type. rescue: whether what discard_value leaves out is kept in the column RESCUED.

    A row with a wrong number of fields, or with bytes that its encoding does not know, is rejected under any policy.
    """

    new_columns: Reaction = "discard_value"
    type_misfits: Reaction = "discard_row"
    rescue: bool = False

    @property
    def rescues_new_columns(self) -> bool:
        return self.rescue and self.new_columns == "discard_value"

    @property
    def rescues_misfits(self) -> bool:
        return self.rescue and self.type_misfits == "discard_value"


DEFAULT_POLICY = SchemaPolicy()


@dataclass(frozen=True)
class LoadPolicy:
    """When a file is refused for its rows or its header, and what becomes of what is not the table's.

    on_bad_rows: whether a bad row is set aside or refuses the file. max_bad_rows: with how many of them a file is still
    loaded; None for any number.
    missing_columns: whether a column of the table that the file lacks refuses it, or is null.
    empty_refusal: why a file without rows is refused; None where it is loaded as such.
    max_compression_ratio: how many times its own bytes a packed file may unpack to; None for any number.
    schema: with its `rescue` the target has the column RESCUED after the table's, then those that the table gained.
    """

    on_bad_rows: Literal["quarantine", "fail"] = "quarantine"
    max_bad_rows: int | None = None
    missing_columns: Literal["error", "null"] = "error"
    schema: SchemaPolicy = DEFAULT_POLICY
    empty_refusal: str | None = None
    max_compression_ratio: int | None = MAX_COMPRESSION_RATIO

    @property
    def bad_rows_allowed(self) -> int | None:
        """How many bad rows a file may have; None for any number."""
        return 0 if self.on_bad_rows == "fail" else self.max_bad_rows


def variant_name(column: str) -> str:
    """The column that takes the texts which are no value of this one's type; dlt calls it a variant column."""
    return f"{column}__v_{EVOLVED_TYPE}"

"""The differences that are known, each with its reason and a document.

Where Trino's versions differ, Athena's engine 3 is nearer to the older ones; what only Athena can settle is among the
questions of `make acceptance`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.referee.verdict import ANSWERED, ERROR, FAILED, FAULTS, VALUE, Verdict

_ATHENA = "https://docs.aws.amazon.com/athena/latest/ug"
_TRINO = "https://trino.io/docs/current"
_ENGINE = f"{_ATHENA}/engine-versions-reference-0003.html"


@dataclass(frozen=True)
class Known:
    """Statements, by a pattern that they hold, and the kinds of difference that are known of them."""

    pattern: str
    kinds: tuple[str, ...]
    reason: str
    document: str

    def covers(self, verdict: Verdict) -> bool:
        """Whether this is the difference that a verdict found."""
        return verdict.kind in self.kinds and bool(re.search(self.pattern, verdict.sql))


KNOWN = [
    Known(
        r"^SELECT TRY\(.* FROM random",
        (FAILED,),
        "DuckDB works out all arguments, and some constants before a TRY around them; Trino stops at one that is NULL",
        f"{_TRINO}/functions/conditional.html#try",
    ),
    Known(
        r"7 / 2\.0|5\.0 / 2|m2 \* m18",
        (VALUE,),
        "Trino 483 gives a decimal's quotient more digits, and a product of more than 38 fewer; 435 does not",
        f"{_TRINO}/functions/decimal.html",
    ),
    Known(
        r"^(?!SELECT TRY\().*(AS char\(|\bch\b)",
        (VALUE,),
        "Trino 483 takes a char's blanks away for a varchar, and compares as varchar; 435 pads, and compares as char",
        f"{_TRINO}/language/types.html#char",
    ),
    Known(
        r"typeof\(st\)|SELECT column_name, data_type",
        (VALUE,),
        "Trino 483 puts the names of a row's fields into quotes",
        f"{_TRINO}/language/types.html#row",
    ),
    Known(
        r"CAST\(' 12 ' AS integer\)",
        (FAILED,),
        "Trino 483 trims the text; 435 does not",
        f"{_TRINO}/functions/conversion.html",
    ),
    Known(
        r"0x1p3",
        (FAILED,),
        "a hexadecimal floating point number, which no table holds",
        f"{_TRINO}/functions/conversion.html",
    ),
    Known(r"SELECT \[1, 2\]", (FAILED,), "Trino 483's short form of ARRAY", f"{_TRINO}/language/types.html#array"),
    Known(
        r"'a' \|\| NULL|concat\('a', NULL\)",
        (VALUE,),
        "of NULL alone, 483 makes an array",
        f"{_TRINO}/functions/string.html",
    ),
    Known(
        r"json_extract_scalar\(NULL",
        (ANSWERED,),
        "483 has an overload of which NULL may be the argument as well",
        f"{_TRINO}/functions/json.html",
    ),
    Known(r"from_unixtime\(nan\(\)\)", (FAILED,), "NaN as 1970, by Java's cast", f"{_TRINO}/functions/datetime.html"),
    Known(
        r"AS varchar\(10\)\)$|INTERVAL '2' WEEK",
        (ERROR,),
        "an internal error of Trino 483's",
        "https://github.com/trinodb/trino",
    ),
    Known(
        r"FROM read_",
        (FAILED, ERROR),
        "Athena documents HIVE_BAD_DATA for a Parquet column that is not of the table's type",
        f"{_ATHENA}/handling-schema-updates-chapter.html",
    ),
    Known(
        r"^CREATE TABLE \$_many",
        (FAILED,),
        "Athena documents 100 partitions for a statement, Trino's limit is one of each writer",
        f"{_ATHENA}/ctas-insert-into.html",
    ),
    Known(
        r"^INSERT INTO \$_lax",
        (FAILED,),
        "Trino 483 casts what it inserts; Athena documents that the columns must match",
        f"{_ATHENA}/insert-into.html",
    ),
    Known(
        r"FROM proj_injected",
        (ERROR,),
        "Athena documents CONSTRAINT_VIOLATION",
        f"{_ATHENA}/partition-projection-supported-types.html",
    ),
    Known(
        r"percentile_cont|count\(NULL\), sum\(NULL\)|AS map\(integer, integer\)|ARRAY\[ARRAY\[1\]\], ','|IS TRUE|"
        r"\(SELECT id, s FROM types\)|MATCH_RECOGNIZE",
        (ERROR,),
        "both fail; only the name of the error differs",
        _ENGINE,
    ),
]


def unknown(verdicts: list[Verdict]) -> list[Verdict]:
    """The faults among verdicts that no entry covers."""
    faults = [verdict for verdict in verdicts if verdict.kind in FAULTS]
    return [verdict for verdict in faults if not any(known.covers(verdict) for known in KNOWN)]


def unused(verdicts: list[Verdict]) -> list[Known]:
    """Entries that cover none of the corpus's verdicts: what they name is a difference no more."""
    corpus = [known for known in KNOWN if not known.pattern.endswith("FROM random")]
    return [known for known in corpus if not any(known.covers(verdict) for verdict in verdicts)]

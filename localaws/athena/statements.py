"""Statements: which kind a text is, and the parse of Athena's Hive-like DDL.

Queries and views are Trino SQL and are parsed in syntax.py; everything here is read from sqlglot's Hive tokens. A text
that Athena cannot read, or a kind of statement that it does not know, raises InvalidRequest, as
StartQueryExecution does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot.dialects.hive import Hive
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from localaws.athena import types as t
from localaws.athena.errors import InvalidRequest
from localaws.athena.syntax import line_column, parse_query, place_of
from localaws.athena.syntax import tokens as trino_tokens

UNSUPPORTED = "Queries of this type are not supported"


@dataclass(frozen=True)
class Name:
    """A table's or view's name: its database when it was written."""

    database: str | None
    name: str


@dataclass(frozen=True)
class ColumnDefinition:
    """A column of CREATE TABLE; `type` is normalised Hive text."""

    name: str
    type: str
    comment: str = ""


PartitionSpec = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunQuery:
    """SELECT, WITH or VALUES."""

    sql: str


@dataclass(frozen=True)
class CreateView:
    name: Name
    replace: bool
    query: str


@dataclass(frozen=True)
class DropView:
    name: Name
    if_exists: bool


@dataclass(frozen=True)
class CreateDatabase:
    name: str
    if_not_exists: bool
    comment: str = ""
    location: str = ""
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DropDatabase:
    name: str
    if_exists: bool
    cascade: bool


@dataclass(frozen=True)
class CreateTable:
    """CREATE EXTERNAL TABLE. `serde`, `input_format` and `output_format` are class names, or "" for the default's."""

    name: Name
    if_not_exists: bool
    columns: tuple[ColumnDefinition, ...]
    partition_keys: tuple[ColumnDefinition, ...]
    comment: str
    serde: str
    serde_properties: dict[str, str]
    stored_as: str
    input_format: str
    output_format: str
    location: str
    properties: dict[str, str]


@dataclass(frozen=True)
class DropTable:
    name: Name
    if_exists: bool


@dataclass(frozen=True)
class AddPartitions:
    table: Name
    if_not_exists: bool
    partitions: tuple[tuple[PartitionSpec, str | None], ...]


@dataclass(frozen=True)
class DropPartitions:
    table: Name
    if_exists: bool
    partitions: tuple[PartitionSpec, ...]


@dataclass(frozen=True)
class AddColumns:
    table: Name
    columns: tuple[ColumnDefinition, ...]


@dataclass(frozen=True)
class SetLocation:
    table: Name
    partition: PartitionSpec | None
    location: str


@dataclass(frozen=True)
class SetProperties:
    table: Name
    properties: dict[str, str]


@dataclass(frozen=True)
class RepairTable:
    table: Name


@dataclass(frozen=True)
class ShowPartitions:
    table: Name


@dataclass(frozen=True)
class ShowTables:
    database: str | None
    pattern: str | None


@dataclass(frozen=True)
class ShowViews:
    database: str | None
    pattern: str | None


@dataclass(frozen=True)
class ShowDatabases:
    pattern: str | None


@dataclass(frozen=True)
class ShowColumns:
    table: Name


@dataclass(frozen=True)
class ShowCreate:
    """SHOW CREATE TABLE, or SHOW CREATE VIEW."""

    table: Name
    view: bool


@dataclass(frozen=True)
class Describe:
    table: Name


Statement = (
    RunQuery | CreateView | DropView | CreateDatabase | DropDatabase | CreateTable | DropTable | AddPartitions
    | DropPartitions | AddColumns | SetLocation | SetProperties | RepairTable | ShowPartitions | ShowTables | ShowViews
    | ShowDatabases | ShowColumns | ShowCreate | Describe
)  # fmt: skip


def parse(sql: str) -> Statement:
    """The one statement in a text. Raises InvalidRequest."""
    if not sql.strip():
        raise InvalidRequest(
            f"1 validation error detected: Value '{sql}' at 'queryString' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    words = _leading_words(sql)
    if not words:
        raise InvalidRequest("line 1:1: mismatched input '<EOF>'")
    if words[0] in ("SELECT", "WITH", "VALUES", "("):
        text = _one_statement(sql)
        parse_query(text)
        return RunQuery(text)
    if words[0] == "CREATE" and ("VIEW" in words[1:4]) and words[1] in ("VIEW", "OR"):
        return _create_view(_one_statement(sql))
    parser = DdlParser(sql)
    statement = parser.statement()
    parser.end()
    return statement


class _Tokenizer(Hive.Tokenizer):
    # Without this, sqlglot takes what follows SHOW and the like for one string.
    COMMANDS = set()  # noqa: RUF012


class _Hive(Hive):
    Tokenizer = _Tokenizer


def _leading_words(sql: str) -> list[str]:
    words: list[str] = []
    for token in _hive_tokens(sql)[:4]:
        words.extend(token.text.upper().split() if token.token_type != TokenType.STRING else [token.text])
    return words


def _hive_tokens(sql: str) -> list[Token]:
    try:
        return _Hive().tokenize(sql)
    except TokenError:
        # A text that is not Hive's may still be Trino's; if it is neither, this raises.
        return trino_tokens(sql)


def _one_statement(sql: str) -> str:
    """The text without a semicolon at its end; more than one statement is refused."""
    found = trino_tokens(sql)
    for i, token in enumerate(found):
        if token.token_type == TokenType.SEMICOLON:
            if i + 1 < len(found):
                raise InvalidRequest(f"Only one sql statement is allowed. Got: {sql}")
            return sql[: token.start]
    return sql


def _create_view(sql: str) -> CreateView:
    found = trino_tokens(sql)
    at = 1
    replace = found[at].text.upper() in ("OR", "OR REPLACE")
    while found[at].text.upper() != "VIEW":
        at += 1
    at += 1
    start = at
    while at < len(found) and found[at].text.upper() != "AS":
        at += 1
    parts = [token.text for token in found[start:at] if token.text != "."]
    if at + 1 >= len(found) or not 1 <= len(parts) <= 3 or len(found[start:at]) != 2 * len(parts) - 1:
        place = found[min(at, len(found) - 1)]
        raise InvalidRequest(f"{place_of(place.start, sql)}: mismatched input '{place.text}'. Expecting: '.', 'AS'")
    if len(parts) == 3:
        if parts[0].lower() != "awsdatacatalog":
            raise InvalidRequest(f"line 1:1: Catalog '{parts[0].lower()}' not found")
        parts = parts[1:]
    query = sql[found[at + 1].start :].strip()
    parse_query(query)
    name = Name(parts[0].lower() if len(parts) == 2 else None, parts[-1].lower())
    return CreateView(name, replace, query)


# Statements that Athena or Trino has and this engine does not.
_KNOWN_ELSEWHERE = {
    "ANALYZE", "CALL", "DEALLOCATE", "DELETE", "EXECUTE", "EXPLAIN", "GRANT", "INSERT", "MERGE", "OPTIMIZE", "PREPARE",
    "RESET", "REVOKE", "SET", "TABLE", "UNLOAD", "UPDATE", "USE", "VACUUM",
}  # fmt: skip


class DdlParser:
    """Recursive descent over Hive tokens."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [piece for token in _hive_tokens(sql) for piece in _split(token)]
        self.at = 0

    # --- reading tokens

    def _word(self, offset: int = 0) -> str:
        place = self.at + offset
        if place >= len(self.tokens) or self.tokens[place][1] in ("string", "quoted"):
            return ""
        return self.tokens[place][0].upper()

    def _accept(self, *words: str) -> bool:
        if all(self._word(i) == word for i, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def _expect(self, *words: str) -> None:
        if not self._accept(*words):
            raise self._mismatch(*words)

    def _mismatch(self, *expected: str) -> InvalidRequest:
        if self.at < len(self.tokens):
            text, _, offset = self.tokens[self.at]
        else:
            text, offset = "<EOF>", len(self.sql)
        line, column = line_column(offset, self.sql)
        hint = f". Expecting: {', '.join(repr(word) for word in expected)}" if expected else ""
        return InvalidRequest(f"line {line}:{column}: mismatched input '{text}'{hint}")

    def _identifier(self) -> str:
        if self.at >= len(self.tokens):
            raise self._mismatch("<identifier>")
        text, kind, _ = self.tokens[self.at]
        if kind not in ("word", "quoted"):
            raise self._mismatch("<identifier>")
        self.at += 1
        return text.lower()

    def _string(self) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][1] != "string":
            raise self._mismatch("<string>")
        self.at += 1
        return self.tokens[self.at - 1][0]

    def _name(self) -> Name:
        return self._qualified(self._identifier)

    def _view_name(self) -> Name:
        """A name in a statement of Trino's: it may be in double quotes, which Hive's tokens call a string."""
        return self._qualified(lambda: self._string().lower() if self._is_string() else self._identifier())

    def _qualified(self, part: Callable[[], str]) -> Name:
        parts = [part()]
        while self._accept("."):
            parts.append(part())
        if len(parts) == 3 and parts[0] == "awsdatacatalog":
            parts = parts[1:]
        if len(parts) > 2:
            raise self._mismatch()
        return Name(parts[0] if len(parts) == 2 else None, parts[-1])

    def end(self) -> None:
        """Nothing but a semicolon may follow."""
        ended = self._accept(";")
        if self.at < len(self.tokens):
            if ended:
                raise InvalidRequest(f"Only one sql statement is allowed. Got: {self.sql}")
            raise self._mismatch("<EOF>")

    def _if_exists(self) -> bool:
        return self._accept("IF", "EXISTS")

    def _if_not_exists(self) -> bool:
        return self._accept("IF", "NOT", "EXISTS")

    # --- statements

    def statement(self) -> Statement:
        """The statement that starts here."""
        readers: dict[str, Callable[[], Statement]] = {
            "CREATE": self._create, "DROP": self._drop, "ALTER": self._alter, "MSCK": self._msck, "SHOW": self._show,
            "DESCRIBE": self._describe, "DESC": self._describe,
        }  # fmt: skip
        reader = readers.get(self._word())
        if reader is None:
            if self._word() in _KNOWN_ELSEWHERE:
                raise InvalidRequest(UNSUPPORTED)
            raise self._mismatch("ALTER", "CREATE", "DESCRIBE", "DROP", "MSCK", "SELECT", "SHOW", "VALUES", "WITH")
        self.at += 1
        return reader()

    def _create(self) -> Statement:
        if self._accept("DATABASE") or self._accept("SCHEMA"):
            return self._create_database()
        if self._accept("EXTERNAL", "TABLE"):
            return self._create_table()
        if self._word() == "TABLE" or self._word() in ("TEMPORARY", "PROTECTED", "MULTI"):
            # CREATE TABLE AS and Iceberg tables.
            raise InvalidRequest(UNSUPPORTED)
        raise self._mismatch("DATABASE", "EXTERNAL", "OR", "SCHEMA", "TABLE", "VIEW")

    def _create_database(self) -> CreateDatabase:
        if_not_exists = self._if_not_exists()
        name = self._identifier()
        comment = self._string() if self._accept("COMMENT") else ""
        location = self._string() if self._accept("LOCATION") else ""
        properties = self._properties() if self._accept("WITH", "DBPROPERTIES") else {}
        return CreateDatabase(name, if_not_exists, comment, location, properties)

    def _create_table(self) -> CreateTable:
        if_not_exists = self._if_not_exists()
        name = self._name()
        columns = self._columns()
        comment, location, serde, stored_as, input_format, output_format = "", "", "", "", "", ""
        keys: tuple[ColumnDefinition, ...] = ()
        serde_properties: dict[str, str] = {}
        properties: dict[str, str] = {}
        if self._accept("COMMENT"):
            comment = self._string()
        if self._accept("PARTITIONED", "BY"):
            keys = self._columns()
        if self._word() == "CLUSTERED":
            raise InvalidRequest(UNSUPPORTED)
        if self._accept("ROW", "FORMAT"):
            serde, serde_properties = self._row_format()
        if self._accept("STORED", "AS"):
            if self._accept("INPUTFORMAT"):
                input_format = self._string()
                self._expect("OUTPUTFORMAT")
                output_format = self._string()
            else:
                stored_as = self._identifier().upper()
        if self._accept("LOCATION"):
            location = self._string()
        if self._accept("TBLPROPERTIES"):
            properties = self._properties()
        return CreateTable(
            name=name,
            if_not_exists=if_not_exists,
            columns=columns,
            partition_keys=keys,
            comment=comment,
            serde=serde,
            serde_properties=serde_properties,
            stored_as=stored_as,
            input_format=input_format,
            output_format=output_format,
            location=location,
            properties=properties,
        )

    def _row_format(self) -> tuple[str, dict[str, str]]:
        if self._accept("SERDE"):
            serde = self._string()
            return serde, self._properties() if self._accept("WITH", "SERDEPROPERTIES") else {}
        self._expect("DELIMITED")
        found: dict[str, str] = {}
        while True:
            if self._accept("FIELDS", "TERMINATED", "BY"):
                found["field.delim"] = found["serialization.format"] = self._string()
                if self._accept("ESCAPED", "BY"):
                    found["escape.delim"] = self._string()
            elif self._accept("COLLECTION", "ITEMS", "TERMINATED", "BY"):
                found["colelction.delim"] = self._string()
            elif self._accept("MAP", "KEYS", "TERMINATED", "BY"):
                found["mapkey.delim"] = self._string()
            elif self._accept("LINES", "TERMINATED", "BY"):
                found["line.delim"] = self._string()
            elif self._accept("NULL", "DEFINED", "AS"):
                found["serialization.null.format"] = self._string()
            else:
                return "", found

    def _columns(self) -> tuple[ColumnDefinition, ...]:
        self._expect("(")
        found = [self._column()]
        while self._accept(","):
            found.append(self._column())
        self._expect(")")
        return tuple(found)

    def _column(self) -> ColumnDefinition:
        name = self._identifier()
        start, depth = self.at, 0
        while self.at < len(self.tokens):
            word = self._word()
            if depth == 0 and word in (",", ")", "COMMENT"):
                break
            depth += (word in ("(", "<")) - (word in (")", ">")) - 2 * (word == ">>")
            self.at += 1
        if self.at == start or self.at >= len(self.tokens):
            raise self._mismatch("<type>")
        text = self.sql[self.tokens[start][2] : self.tokens[self.at][2]].strip()
        try:
            t.parse_hive(text)
        except ValueError as error:
            line, column = line_column(self.tokens[start][2], self.sql)
            raise InvalidRequest(f"line {line}:{column}: no viable alternative at input '{text}': {error}") from error
        comment = self._string() if self._accept("COMMENT") else ""
        return ColumnDefinition(name, "".join(text.split()).lower().replace("integer", "int").replace("`", ""), comment)

    def _properties(self) -> dict[str, str]:
        self._expect("(")
        found: dict[str, str] = {}
        while True:
            key = self._string()
            self._expect("=")
            found[key] = self._string()
            if not self._accept(","):
                break
        self._expect(")")
        return found

    def _drop(self) -> Statement:
        if self._accept("DATABASE") or self._accept("SCHEMA"):
            if_exists = self._if_exists()
            name = self._identifier()
            cascade = self._accept("CASCADE")
            if not cascade:
                self._accept("RESTRICT")
            return DropDatabase(name, if_exists, cascade)
        if self._accept("TABLE"):
            if_exists = self._if_exists()
            name_ = self._name()
            self._accept("PURGE")
            return DropTable(name_, if_exists)
        if self._accept("VIEW"):
            if_exists = self._if_exists()
            return DropView(self._view_name(), if_exists)
        raise self._mismatch("DATABASE", "SCHEMA", "TABLE", "VIEW")

    def _is_string(self) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][1] == "string"

    def _alter(self) -> Statement:
        if not self._accept("TABLE"):
            raise InvalidRequest(UNSUPPORTED)
        table = self._name()
        if self._accept("ADD"):
            if self._accept("COLUMNS"):
                return AddColumns(table, self._columns())
            return self._add_partitions(table)
        if self._accept("DROP"):
            if_exists = self._if_exists()
            specs = [self._partition_spec()]
            while self._accept(","):
                specs.append(self._partition_spec())
            return DropPartitions(table, if_exists, tuple(specs))
        partition = self._partition_spec() if self._word() == "PARTITION" else None
        if self._accept("SET", "LOCATION"):
            return SetLocation(table, partition, self._string())
        if partition is None and self._accept("SET", "TBLPROPERTIES"):
            return SetProperties(table, self._properties())
        if self._word() in ("RENAME", "CHANGE", "REPLACE", "EXECUTE", "SET", "UNSET", "COMPACT"):
            raise InvalidRequest(UNSUPPORTED)
        raise self._mismatch("ADD", "DROP", "PARTITION", "RENAME", "SET")

    def _add_partitions(self, table: Name) -> AddPartitions:
        if_not_exists = self._if_not_exists()
        found = []
        while self._word() == "PARTITION":
            spec = self._partition_spec()
            found.append((spec, self._string() if self._accept("LOCATION") else None))
        if not found:
            raise self._mismatch("COLUMNS", "IF", "PARTITION")
        return AddPartitions(table, if_not_exists, tuple(found))

    def _partition_spec(self) -> PartitionSpec:
        self._expect("PARTITION")
        self._expect("(")
        found: list[tuple[str, str]] = []
        while True:
            name = self._identifier()
            self._expect("=")
            found.append((name, self._value()))
            if not self._accept(","):
                break
        self._expect(")")
        return tuple(found)

    def _value(self) -> str:
        if self.at >= len(self.tokens):
            raise self._mismatch("<value>")
        if self._is_string():
            return self._string()
        sign = "-" if self._accept("-") else ""
        text, kind, _ = self.tokens[self.at]
        if kind != "number":
            # DATE '2024-03-15' and the like.
            if kind == "word" and text.upper() in ("DATE", "TIMESTAMP") and not sign:
                self.at += 1
                return self._string()
            raise self._mismatch("<value>")
        self.at += 1
        return sign + text

    def _msck(self) -> RepairTable:
        self._expect("REPAIR", "TABLE")
        table = self._name()
        if self._word() in ("ADD", "DROP", "SYNC"):
            raise InvalidRequest(UNSUPPORTED)
        return RepairTable(table)

    def _show(self) -> Statement:
        if self._accept("PARTITIONS"):
            return ShowPartitions(self._name())
        if self._accept("TABLES") or self._word() == "VIEWS":
            views = self._accept("VIEWS")
            database = self._identifier() if self._accept("IN") or self._accept("FROM") else None
            pattern = self._string() if self._accept("LIKE") or self._is_string() else None
            return ShowViews(database, pattern) if views else ShowTables(database, pattern)
        if self._accept("DATABASES") or self._accept("SCHEMAS"):
            return ShowDatabases(self._string() if self._accept("LIKE") or self._is_string() else None)
        if self._accept("COLUMNS"):
            if not self._accept("IN") and not self._accept("FROM"):
                raise self._mismatch("FROM", "IN")
            table = self._name()
            if self._accept("IN") or self._accept("FROM"):
                table = Name(self._identifier(), table.name)
            return ShowColumns(table)
        if self._accept("CREATE", "TABLE"):
            return ShowCreate(self._name(), view=False)
        if self._accept("CREATE", "VIEW"):
            return ShowCreate(self._view_name(), view=True)
        if self._word() in ("TBLPROPERTIES", "FUNCTIONS", "CREATE", "SESSION", "STATS", "ROLES", "GRANTS"):
            raise InvalidRequest(UNSUPPORTED)
        raise self._mismatch("COLUMNS", "CREATE", "DATABASES", "PARTITIONS", "SCHEMAS", "TABLES", "VIEWS")

    def _describe(self) -> Statement:
        if self._word() in ("EXTENDED", "FORMATTED", "INPUT", "OUTPUT", "DATABASE", "SCHEMA"):
            raise InvalidRequest(UNSUPPORTED)
        return Describe(self._name())


def _split(token: Token) -> list[tuple[str, str, int]]:
    """(text, kind, offset) of a token; words that sqlglot joins (`IF NOT EXISTS`) are split again."""
    if token.token_type == TokenType.STRING:
        return [(token.text, "string", token.start)]
    if token.token_type == TokenType.IDENTIFIER:
        return [(token.text, "quoted", token.start)]
    if token.token_type == TokenType.NUMBER:
        return [(token.text, "number", token.start)]
    pieces, offset = [], token.start
    for word in token.text.split():
        kind = "word" if word[0].isalpha() or word[0] == "_" else "mark"
        pieces.append((word, kind, offset))
        offset += len(word) + 1
    return pieces

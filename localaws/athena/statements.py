"""Statements: which kind a text is, and the parse of all but queries, which syntax.py parses.

DDL is read from sqlglot's Hive tokens; what is Trino's around a query, as in CREATE VIEW and INSERT, from Trino's. A
text that Athena cannot read, or a kind of statement that it does not know, raises InvalidRequest, as
StartQueryExecution does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlglot.dialects.hive import Hive
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from localaws.athena import types as t
from localaws.athena.errors import InvalidRequest, not_supported
from localaws.athena.syntax import line_column, parse_query
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


# What a WITH may give a property.
Property = str | int | bool | tuple[str, ...]


@dataclass(frozen=True)
class CreateTableAs:
    """https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html"""

    name: Name
    properties: dict[str, Property]
    query: str
    with_data: bool


@dataclass(frozen=True)
class Insert:
    """https://docs.aws.amazon.com/athena/latest/ug/insert-into.html; without `columns` all are meant."""

    table: Name
    columns: tuple[str, ...]
    query: str


@dataclass(frozen=True)
class Unload:
    """https://docs.aws.amazon.com/athena/latest/ug/unload.html"""

    query: str
    location: str
    properties: dict[str, Property]


@dataclass(frozen=True)
class Explain:
    """https://docs.aws.amazon.com/athena/latest/ug/athena-explain-statement.html; `options` are TYPE and FORMAT."""

    options: dict[str, str]
    query: str


@dataclass(frozen=True)
class Prepare:
    """https://docs.aws.amazon.com/athena/latest/ug/sql-prepare.html"""

    name: str
    query: str


@dataclass(frozen=True)
class Execute:
    """https://docs.aws.amazon.com/athena/latest/ug/sql-execute.html; `values` are literals as they were written."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Deallocate:
    """https://docs.aws.amazon.com/athena/latest/ug/sql-deallocate-prepare.html"""

    name: str


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
    columns: tuple[ColumnDefinition, ...]
    if_not_exists: bool = False
    partition_keys: tuple[ColumnDefinition, ...] = ()
    comment: str = ""
    serde: str = ""
    serde_properties: dict[str, str] = field(default_factory=dict)
    stored_as: str = ""
    input_format: str = ""
    output_format: str = ""
    location: str = ""
    properties: dict[str, str] = field(default_factory=dict)


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
    | ShowDatabases | ShowColumns | ShowCreate | Describe | CreateTableAs | Insert | Unload | Explain | Prepare
    | Execute | Deallocate
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
    around = words[0] == "CREATE" and (
        words[1:2] == ["TABLE"] or (words[1:2] in (["VIEW"], ["OR"]) and "VIEW" in words)
    )
    if around or words[0] in ("DEALLOCATE", "EXECUTE", "EXPLAIN", "INSERT", "PREPARE", "UNLOAD"):
        return TrinoParser(_one_statement(sql)).statement()
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


# Statements that Athena or Trino has and this engine does not.
_KNOWN_ELSEWHERE = {
    "ANALYZE", "CALL", "DELETE", "GRANT", "MERGE", "OPTIMIZE", "RESET", "REVOKE", "SET", "TABLE", "UPDATE", "USE",
    "VACUUM",
}  # fmt: skip


class DdlParser:
    """Recursive descent over Hive tokens."""

    tokenise = staticmethod(_hive_tokens)

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [piece for token in self.tokenise(sql) for piece in _split(token)]
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
        if len(parts) == 3 and parts[0] != "awsdatacatalog":
            raise InvalidRequest(f"line 1:1: Catalog '{parts[0]}' not found")
        if len(parts) > 3:
            raise self._mismatch()
        return Name(parts[-2] if len(parts) > 1 else None, parts[-1])

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
        if self._word() in ("TEMPORARY", "PROTECTED", "MULTI"):
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
        given: dict[str, Any] = {}
        if self._accept("COMMENT"):
            given["comment"] = self._string()
        if self._accept("PARTITIONED", "BY"):
            given["partition_keys"] = self._columns()
        if self._word() == "CLUSTERED":
            raise InvalidRequest(UNSUPPORTED)
        if self._accept("ROW", "FORMAT"):
            given["serde"], given["serde_properties"] = self._row_format()
        if self._accept("STORED", "AS"):
            if self._accept("INPUTFORMAT"):
                given["input_format"] = self._string()
                self._expect("OUTPUTFORMAT")
                given["output_format"] = self._string()
            else:
                given["stored_as"] = self._identifier().upper()
        if self._accept("LOCATION"):
            given["location"] = self._string()
        if self._accept("TBLPROPERTIES"):
            given["properties"] = self._properties()
        return CreateTable(name, columns, if_not_exists, **given)

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


class TrinoParser(DdlParser):
    """Recursive descent over Trino's tokens, up to the query in a statement, which is kept as it stands."""

    tokenise = staticmethod(trino_tokens)

    def statement(self) -> Statement:
        readers: dict[str, Callable[[], Statement]] = {
            "CREATE": self._create, "DEALLOCATE": self._deallocate, "EXECUTE": self._execute, "EXPLAIN": self._explain,
            "INSERT": self._insert, "PREPARE": self._prepare, "UNLOAD": self._unload,
        }  # fmt: skip
        reader = readers[self._word()]
        self.at += 1
        statement = reader()
        self.end()
        return statement

    def _rest(self) -> str:
        """The text from here to the end."""
        if self.at >= len(self.tokens):
            raise self._mismatch("SELECT", "VALUES", "WITH")
        start, self.at = self.tokens[self.at][2], len(self.tokens)
        return self.sql[start:].strip()

    def _query(self) -> str:
        if self._word() not in ("SELECT", "WITH", "VALUES", "("):
            raise self._mismatch("SELECT", "VALUES", "WITH")
        text = self._rest()
        parse_query(text)
        return text

    def _create(self) -> Statement:
        if self._accept("TABLE"):
            return self._create_table_as()
        replace = self._accept("OR", "REPLACE")
        self._expect("VIEW")
        name = self._name()
        self._expect("AS")
        return CreateView(name, replace, self._query())

    def _create_table_as(self) -> CreateTableAs:
        name = self._name()
        properties = self._trino_properties() if self._accept("WITH") else {}
        if not self._accept("AS"):
            # IF NOT EXISTS, which Athena documents for no CTAS, and Iceberg tables.
            raise InvalidRequest(UNSUPPORTED)
        with_data, end = True, len(self.tokens)
        words = [self._word(i - self.at) for i in range(end - 3, end)]
        if words[1:] == ["NO", "DATA"] or words[1:] == ["WITH", "DATA"]:
            with_data = words[1] == "WITH"
            end -= 2 if with_data else 3
            self.sql = self.sql[: self.tokens[end][2]]
        return CreateTableAs(name, properties, self._query(), with_data)

    def _trino_properties(self) -> dict[str, Property]:
        self._expect("(")
        found: dict[str, Property] = {}
        while True:
            name = self._identifier()
            self._expect("=")
            found[name] = self._property()
            if not self._accept(","):
                break
        self._expect(")")
        return found

    def _property(self) -> Property:
        if self._accept("ARRAY", "["):
            items = [self._string()]
            while self._accept(","):
                items.append(self._string())
            self._expect("]")
            return tuple(items)
        if self._word() in ("TRUE", "FALSE"):
            return self._identifier() == "true"
        return self._string() if self._is_string() else int(self._value())

    def _insert(self) -> Insert:
        self._expect("INTO")
        name = self._name()
        columns: list[str] = []
        if self._word() == "(" and self._word(1) not in ("SELECT", "WITH", "VALUES", "("):
            self.at += 1
            columns.append(self._identifier())
            while self._accept(","):
                columns.append(self._identifier())
            self._expect(")")
        return Insert(name, tuple(columns), self._query())

    def _unload(self) -> Unload:
        self._expect("(")
        start, depth = self.at, 1
        while depth:
            if self.at >= len(self.tokens):
                raise self._mismatch(")")
            depth += (self._word() == "(") - (self._word() == ")")
            self.at += 1
        query = self.sql[self.tokens[start][2] : self.tokens[self.at - 1][2]].strip()
        parse_query(query)
        self._expect("TO")
        location = self._string()
        self._expect("WITH")
        return Unload(query, location, self._trino_properties())

    def _explain(self) -> Explain:
        options = {}
        if self._accept("ANALYZE"):
            raise not_supported("EXPLAIN ANALYZE")
        if self._word() == "(" and self._word(1) in ("TYPE", "FORMAT"):
            self.at += 1
            while True:
                option = self._identifier().upper()
                options[option] = self._identifier().upper()
                if not self._accept(","):
                    break
            self._expect(")")
        text = self._rest()
        if not isinstance(parse(text), RunQuery):
            raise not_supported("EXPLAIN of a statement that is no query")
        return Explain(options, text)

    def _prepare(self) -> Prepare:
        name = self._identifier()
        self._expect("FROM")
        text = self._rest()
        if not isinstance(parse(text), RunQuery | CreateTableAs | Insert | Unload):
            raise InvalidRequest(UNSUPPORTED)
        return Prepare(name, text)

    def _execute(self) -> Execute:
        name = self._identifier()
        if not self._accept("USING"):
            return Execute(name, ())
        values, start, depth = [], self.at, 0
        while self.at < len(self.tokens):
            depth += (self._word() in ("(", "[")) - (self._word() in (")", "]"))
            self.at += 1
            if depth == 0 and (self._word() == "," or self.at == len(self.tokens)):
                end = self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.sql)
                values.append(self.sql[self.tokens[start][2] : end].strip())
                start = self.at = self.at + 1
        return Execute(name, tuple(values))

    def _deallocate(self) -> Deallocate:
        self._expect("PREPARE")
        return Deallocate(self._identifier())


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

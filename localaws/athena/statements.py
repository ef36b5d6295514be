"""Statements: which kind a text is, and the parse of all but queries, which syntax.py parses.

DDL is read from sqlglot's Hive tokens; what is Trino's around a query, as in CREATE VIEW and INSERT, from Trino's. A
text that Athena cannot read, or a kind of statement that it does not know, raises InvalidRequest, as
StartQueryExecution does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlglot.dialects.hive import Hive
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from localaws.athena import types as t
from localaws.athena.catalogue import Column
from localaws.athena.ddl import Ddl, Name, NewTable, PartitionSpec
from localaws.athena.errors import InvalidRequest, not_supported
from localaws.athena.kinds import makes_table
from localaws.athena.results_model import QueryContext, QueryResult
from localaws.athena.select import explained, run_query
from localaws.athena.syntax import line_column, parse_query
from localaws.athena.syntax import tokens as trino_tokens
from localaws.athena.writing import Property, Writer

UNSUPPORTED = "Queries of this type are not supported"

# A statement that was read: what carries it out.
Statement = Callable[[QueryContext], QueryResult]
T = TypeVar("T")
K = TypeVar("K")

_QUERIES = ("SELECT", "WITH", "VALUES", "(")


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
    if words[0] in _QUERIES:
        text = _one_statement(sql)
        parse_query(text)
        return lambda context: run_query(text, context)
    around = words[0] == "CREATE" and (
        words[1:2] == ["TABLE"] or (words[1:2] in (["VIEW"], ["OR"]) and "VIEW" in words)
    )
    if around or words[0] in ("DEALLOCATE", "EXECUTE", "EXPLAIN", "INSERT", "PREPARE", "UNLOAD"):
        return TrinoParser(_one_statement(sql)).statement()
    return DdlParser(sql).statement()


def read_execute(sql: str) -> tuple[str, list[str]]:
    """An EXECUTE's name, and its values, literals as they were written. Raises InvalidRequest.

    See https://docs.aws.amazon.com/athena/latest/ug/sql-execute.html.
    """
    parser = TrinoParser(_one_statement(sql))
    parser.at = 1
    return parser.execute()


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
_KNOWN_ELSEWHERE = (
    "ANALYZE", "CALL", "DELETE", "GRANT", "MERGE", "OPTIMIZE", "RESET", "REVOKE", "SET", "TABLE", "UPDATE", "USE",
    "VACUUM",
)  # fmt: skip
# The clauses of ROW FORMAT DELIMITED, and LazySimpleSerDe's property for each.
_DELIMITERS = {
    ("FIELDS", "TERMINATED", "BY"): "field.delim",
    ("COLLECTION", "ITEMS", "TERMINATED", "BY"): "colelction.delim",
    ("MAP", "KEYS", "TERMINATED", "BY"): "mapkey.delim",
    ("LINES", "TERMINATED", "BY"): "line.delim",
    ("NULL", "DEFINED", "AS"): "serialization.null.format",
}


class DdlParser:
    """Recursive descent over Hive tokens."""

    tokenise = staticmethod(_hive_tokens)

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = [piece for token in self.tokenise(sql) for piece in _split(token)]
        self.at = 0

    # --- reading tokens

    def _kind(self, offset: int = 0) -> str:
        place = self.at + offset
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def _word(self, offset: int = 0) -> str:
        return "" if self._kind(offset) in ("", "string", "quoted") else self.tokens[self.at + offset][0].upper()

    def _accept(self, *words: str) -> bool:
        if all(self._word(i) == word for i, word in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def _accept_one_of(self, *words: str) -> bool:
        return any(self._accept(word) for word in words)

    def _expect(self, *words: str) -> None:
        if not self._accept(*words):
            raise self._mismatch(*words)

    def _mismatch(self, *expected: str) -> InvalidRequest:
        text, _, offset = self.tokens[self.at] if self._kind() else ("<EOF>", "", len(self.sql))
        line, column = line_column(offset, self.sql)
        hint = f". Expecting: {', '.join(repr(word) for word in expected)}" if expected else ""
        return InvalidRequest(f"line {line}:{column}: mismatched input '{text}'{hint}")

    def _unknown(self, elsewhere: tuple[str, ...], *expected: str) -> InvalidRequest:
        """What is said of none of the expected words: Athena or Hive may have a statement that goes on like this."""
        return InvalidRequest(UNSUPPORTED) if self._word() in elsewhere else self._mismatch(*expected)

    def _take(self, what: str, *kinds: str) -> str:
        if self._kind() not in kinds:
            raise self._mismatch(f"<{what}>")
        self.at += 1
        return self.tokens[self.at - 1][0]

    def _identifier(self) -> str:
        return self._take("identifier", "word", "quoted").lower()

    def _string(self) -> str:
        return self._take("string", "string")

    def _string_after(self, *words: str) -> str:
        """The string of a clause that may be left out, "" where it is."""
        return self._string() if self._accept(*words) else ""

    def _name(self) -> Name:
        return self._qualified(self._identifier)

    def _view_name(self) -> Name:
        """A name in a statement of Trino's: it may be in double quotes, which Hive's tokens call a string."""
        return self._qualified(lambda: self._string().lower() if self._kind() == "string" else self._identifier())

    def _qualified(self, part: Callable[[], str]) -> Name:
        parts = [part()]
        while self._accept("."):
            parts.append(part())
        if len(parts) == 3 and parts[0] != "awsdatacatalog":
            raise InvalidRequest(f"line 1:1: Catalog '{parts[0]}' not found")
        if len(parts) > 3:
            raise self._mismatch()
        return Name(parts[-2] if len(parts) > 1 else None, parts[-1])

    def _listed(self, item: Callable[[], T]) -> list[T]:
        """Items with commas between them."""
        found = [item()]
        while self._accept(","):
            found.append(item())
        return found

    def _bracketed(self, item: Callable[[], T]) -> list[T]:
        self._expect("(")
        found = self._listed(item)
        self._expect(")")
        return found

    def _assigned(self, name: Callable[[], str], value: Callable[[], K]) -> tuple[str, K]:
        given = name()
        self._expect("=")
        return given, value()

    def end(self) -> None:
        """Nothing but a semicolon may follow."""
        ended = self._accept(";")
        if self._kind():
            if ended:
                raise InvalidRequest(f"Only one sql statement is allowed. Got: {self.sql}")
            raise self._mismatch("<EOF>")

    def _if_exists(self) -> bool:
        return self._accept("IF", "EXISTS")

    def _if_not_exists(self) -> bool:
        return self._accept("IF", "NOT", "EXISTS")

    # --- statements

    def statement(self) -> Statement:
        """The statement that the text is."""
        reader = self._readers().get(self._word())
        if reader is None:
            expected = ("ALTER", "CREATE", "DESCRIBE", "DROP", "MSCK", "SELECT", "SHOW", "VALUES", "WITH")
            raise self._unknown(_KNOWN_ELSEWHERE, *expected)
        self.at += 1
        statement = reader()
        self.end()
        return statement

    def _readers(self) -> dict[str, Callable[[], Statement]]:
        """What reads a statement from its second word on, by the first."""
        return {
            "CREATE": self._create, "DROP": self._drop, "ALTER": self._alter, "MSCK": self._msck, "SHOW": self._show,
            "DESCRIBE": self._describe, "DESC": self._describe,
        }  # fmt: skip

    def _create(self) -> Statement:
        if self._accept_one_of("DATABASE", "SCHEMA"):
            return self._create_database()
        if self._accept("EXTERNAL", "TABLE"):
            return self._create_table()
        raise self._unknown(
            ("TEMPORARY", "PROTECTED", "MULTI"), "DATABASE", "EXTERNAL", "OR", "SCHEMA", "TABLE", "VIEW"
        )

    def _create_database(self) -> Statement:
        if_not_exists, name = self._if_not_exists(), self._identifier()
        comment, location = self._string_after("COMMENT"), self._string_after("LOCATION")
        properties = self._properties() if self._accept("WITH", "DBPROPERTIES") else {}
        return lambda context: Ddl(context).create_database(name, if_not_exists, comment, location, properties)

    def _create_table(self) -> Statement:
        if_not_exists = self._if_not_exists()
        given: dict[str, Any] = {"name": self._name(), "columns": self._columns()}
        given["comment"] = self._string_after("COMMENT")
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
        given["location"] = self._string_after("LOCATION")
        if self._accept("TBLPROPERTIES"):
            given["properties"] = self._properties()
        return lambda context: Ddl(context).create_table(NewTable(**given), if_not_exists)

    def _row_format(self) -> tuple[str, dict[str, str]]:
        if self._accept("SERDE"):
            serde = self._string()
            return serde, self._properties() if self._accept("WITH", "SERDEPROPERTIES") else {}
        self._expect("DELIMITED")
        found: dict[str, str] = {}
        while clause := next((words for words in _DELIMITERS if self._accept(*words)), None):
            found[_DELIMITERS[clause]] = self._string()
            if clause[0] == "FIELDS":
                found["serialization.format"] = found["field.delim"]
                if self._accept("ESCAPED", "BY"):
                    found["escape.delim"] = self._string()
        return "", found

    def _columns(self) -> tuple[Column, ...]:
        return tuple(self._bracketed(self._column))

    def _column(self) -> Column:
        name = self._identifier()
        start, depth = self.at, 0
        while self._kind():
            word = self._word()
            if depth == 0 and word in (",", ")", "COMMENT"):
                break
            depth += (word in ("(", "<")) - (word in (")", ">")) - 2 * (word == ">>")
            self.at += 1
        if self.at == start or not self._kind():
            raise self._mismatch("<type>")
        text = self.sql[self.tokens[start][2] : self.tokens[self.at][2]].strip()
        try:
            t.parse_hive(text)
        except ValueError as error:
            line, column = line_column(self.tokens[start][2], self.sql)
            raise InvalidRequest(f"line {line}:{column}: no viable alternative at input '{text}': {error}") from error
        kind = "".join(text.split()).lower().replace("integer", "int").replace("`", "")
        return Column(name, kind, self._string_after("COMMENT"))

    def _properties(self) -> dict[str, str]:
        return dict(self._bracketed(lambda: self._assigned(self._string, self._string)))

    def _drop(self) -> Statement:
        if self._accept_one_of("DATABASE", "SCHEMA"):
            if_exists, database = self._if_exists(), self._identifier()
            cascade = self._accept("CASCADE")
            if not cascade:
                self._accept("RESTRICT")
            return lambda context: Ddl(context).drop_database(database, if_exists, cascade)
        if self._accept("TABLE"):
            if_exists, table = self._if_exists(), self._name()
            self._accept("PURGE")
            return lambda context: Ddl(context).drop_table(table, if_exists)
        if self._accept("VIEW"):
            if_exists, view = self._if_exists(), self._view_name()
            return lambda context: Ddl(context).drop_view(view, if_exists)
        raise self._mismatch("DATABASE", "SCHEMA", "TABLE", "VIEW")

    def _alter(self) -> Statement:
        if not self._accept("TABLE"):
            raise InvalidRequest(UNSUPPORTED)
        table = self._name()
        if self._accept("ADD", "COLUMNS"):
            columns = self._columns()
            return lambda context: Ddl(context).add_columns(table, columns)
        if self._accept("ADD"):
            return self._add_partitions(table)
        if self._accept("SET", "TBLPROPERTIES"):
            properties = self._properties()
            return lambda context: Ddl(context).set_properties(table, properties)
        raise self._unknown(
            ("RENAME", "CHANGE", "DROP", "REPLACE", "EXECUTE", "PARTITION", "SET", "UNSET", "COMPACT"),
            "ADD", "DROP", "PARTITION", "RENAME", "SET",
        )  # fmt: skip

    def _add_partitions(self, table: Name) -> Statement:
        if_not_exists = self._if_not_exists()
        found = []
        while self._word() == "PARTITION":
            found.append((self._partition_spec(), self._string_after("LOCATION")))
        if not found:
            raise self._mismatch("COLUMNS", "IF", "PARTITION")
        return lambda context: Ddl(context).add_partitions(table, if_not_exists, found)

    def _partition_spec(self) -> PartitionSpec:
        self._expect("PARTITION")
        return self._bracketed(lambda: self._assigned(self._identifier, self._value))

    def _value(self) -> str:
        if self._kind() == "string":
            return self._string()
        sign = "-" if self._accept("-") else ""
        if not sign and self._accept_one_of("DATE", "TIMESTAMP"):
            # DATE '2024-03-15' and the like.
            return self._string()
        return sign + self._take("value", "number")

    def _msck(self) -> Statement:
        self._expect("REPAIR", "TABLE")
        table = self._name()
        if self._word() in ("ADD", "DROP", "SYNC"):
            raise InvalidRequest(UNSUPPORTED)
        return lambda context: Ddl(context).repair(table)

    def _show(self) -> Statement:
        if self._accept("PARTITIONS"):
            partitioned = self._name()
            return lambda context: Ddl(context).show_partitions(partitioned)
        if self._word() in ("TABLES", "VIEWS"):
            views = self._identifier() == "views"
            database = self._identifier() if self._accept_one_of("IN", "FROM") else None
            pattern = self._pattern()
            return lambda context: Ddl(context).show_tables(database, pattern, views)
        if self._accept_one_of("DATABASES", "SCHEMAS"):
            pattern = self._pattern()
            return lambda context: Ddl(context).show_databases(pattern)
        if self._accept("CREATE", "VIEW"):
            view = self._view_name()
            return lambda context: Ddl(context).show_create_view(view)
        raise self._unknown(
            ("TBLPROPERTIES", "FUNCTIONS", "COLUMNS", "CREATE", "SESSION", "STATS", "ROLES", "GRANTS"),
            "COLUMNS", "CREATE", "DATABASES", "PARTITIONS", "SCHEMAS", "TABLES", "VIEWS",
        )  # fmt: skip

    def _pattern(self) -> str | None:
        return self._string() if self._accept("LIKE") or self._kind() == "string" else None

    def _describe(self) -> Statement:
        if self._word() in ("EXTENDED", "FORMATTED", "INPUT", "OUTPUT", "DATABASE", "SCHEMA"):
            raise InvalidRequest(UNSUPPORTED)
        table = self._name()
        return lambda context: Ddl(context).describe(table)


class TrinoParser(DdlParser):
    """Recursive descent over Trino's tokens, up to the query in a statement, which is kept as it stands."""

    tokenise = staticmethod(trino_tokens)

    def _readers(self) -> dict[str, Callable[[], Statement]]:
        return {
            "CREATE": self._create, "DEALLOCATE": self._deallocate, "EXECUTE": self._execute, "EXPLAIN": self._explain,
            "INSERT": self._insert, "PREPARE": self._prepare, "UNLOAD": self._unload,
        }  # fmt: skip

    def _rest(self) -> str:
        """The text from here to the end."""
        if not self._kind():
            raise self._mismatch("SELECT", "VALUES", "WITH")
        start, self.at = self.tokens[self.at][2], len(self.tokens)
        return self.sql[start:].strip()

    def _query(self) -> str:
        if self._word() not in _QUERIES:
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
        query = self._query()
        return lambda context: Ddl(context).create_view(name, replace, query)

    def _create_table_as(self) -> Statement:
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
        query = self._query()
        return lambda context: Writer(context).create_table_as(name, properties, query, with_data)

    def _trino_properties(self) -> dict[str, Property]:
        return dict(self._bracketed(lambda: self._assigned(self._identifier, self._property)))

    def _property(self) -> Property:
        if self._accept("ARRAY", "["):
            items = self._listed(self._string)
            self._expect("]")
            return tuple(items)
        if self._word() in ("TRUE", "FALSE"):
            return self._identifier() == "true"
        return self._string() if self._kind() == "string" else int(self._value())

    def _insert(self) -> Statement:
        self._expect("INTO")
        name = self._name()
        listed = self._word() == "(" and self._word(1) not in _QUERIES
        columns = self._bracketed(self._identifier) if listed else []
        query = self._query()
        return lambda context: Writer(context).insert(name, columns, query)

    def _unload(self) -> Statement:
        self._expect("(")
        start, depth = self.at, 1
        while depth:
            if not self._kind():
                raise self._mismatch(")")
            depth += (self._word() == "(") - (self._word() == ")")
            self.at += 1
        query = self.sql[self.tokens[start][2] : self.tokens[self.at - 1][2]].strip()
        parse_query(query)
        self._expect("TO")
        location = self._string()
        self._expect("WITH")
        properties = self._trino_properties()
        return lambda context: Writer(context).unload(query, location, properties)

    def _explain(self) -> Statement:
        """https://docs.aws.amazon.com/athena/latest/ug/athena-explain-statement.html"""
        if self._accept("ANALYZE"):
            raise not_supported("EXPLAIN ANALYZE")
        options = {}
        if self._word() == "(" and self._word(1) in ("TYPE", "FORMAT"):
            options = dict(self._bracketed(lambda: (self._identifier().upper(), self._identifier().upper())))
        text = self._rest()
        parse(text)
        if _leading_words(text)[0] not in _QUERIES:
            raise not_supported("EXPLAIN of a statement that is no query")
        return lambda context: explained(text, options, context)

    def _prepare(self) -> Statement:
        """https://docs.aws.amazon.com/athena/latest/ug/sql-prepare.html"""
        name = self._identifier()
        self._expect("FROM")
        text = self._rest()
        parse(text)
        if _leading_words(text)[0] not in (*_QUERIES, "INSERT", "UNLOAD") and not makes_table(text):
            raise InvalidRequest(UNSUPPORTED)

        def keep(context: QueryContext) -> QueryResult:
            _prepared(context)("CreatePreparedStatement", StatementName=name, QueryStatement=text)
            return QueryResult("UTILITY", "PREPARE")

        return keep

    def _execute(self) -> Statement:
        self.execute()
        return _unresolved

    def execute(self) -> tuple[str, list[str]]:
        """What `read_execute` gives, from the name on."""
        name = self._identifier()
        if not self._accept("USING"):
            self.end()
            return name, []
        values, start, depth = [], self.at, 0
        while self._kind():
            depth += (self._word() in ("(", "[")) - (self._word() in (")", "]"))
            self.at += 1
            if depth == 0 and (self._word() == "," or not self._kind()):
                end = self.tokens[self.at][2] if self._kind() else len(self.sql)
                values.append(self.sql[self.tokens[start][2] : end].strip())
                start = self.at = self.at + 1
        return name, values

    def _deallocate(self) -> Statement:
        """https://docs.aws.amazon.com/athena/latest/ug/sql-deallocate-prepare.html"""
        self._expect("PREPARE")
        name = self._identifier()

        def forget(context: QueryContext) -> QueryResult:
            _prepared(context)("DeletePreparedStatement", StatementName=name)
            return QueryResult("UTILITY", "DEALLOCATE_PREPARE")

        return forget


def _prepared(context: QueryContext) -> Callable[..., Any]:
    if context.prepared is None:
        raise not_supported("prepared statements without a workgroup")
    return context.prepared


def _unresolved(context: QueryContext) -> QueryResult:
    raise not_supported("EXECUTE without a workgroup, which puts the prepared statement in its place")


def _split(token: Token) -> list[tuple[str, str, int]]:
    """(text, kind, offset) of a token; words that sqlglot joins (`IF NOT EXISTS`) are split again."""
    kind = {TokenType.STRING: "string", TokenType.IDENTIFIER: "quoted", TokenType.NUMBER: "number"}
    if token.token_type in kind:
        return [(token.text, kind[token.token_type], token.start)]
    pieces, offset = [], token.start
    for word in token.text.split():
        pieces.append((word, "word" if word[0].isalpha() or word[0] == "_" else "mark", offset))
        offset += len(word) + 1
    return pieces

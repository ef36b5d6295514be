"""How queries fail: Athena's codes, places and words; and nothing that only DuckDB knows gets through."""

from __future__ import annotations

import pytest

from localaws.athena.engine import InvalidRequest, QueryContext, QueryFailed, check, execute


def failure(sql: str) -> QueryFailed:
    with pytest.raises(QueryFailed) as caught:
        execute(sql, QueryContext("db", None, None))
    return caught.value


FAILURES = {
    "SELECT 1 / 0": "DIVISION_BY_ZERO: Division by zero",
    "SELECT 1.0 / 0": "DIVISION_BY_ZERO: Division by zero",
    "SELECT 5 % 0": "DIVISION_BY_ZERO: Division by zero",
    "SELECT 1 / x FROM (VALUES 1, 0) t(x)": "DIVISION_BY_ZERO: Division by zero",
    "SELECT CAST('abc' AS integer)": "INVALID_CAST_ARGUMENT: Cannot cast 'abc' to INT",
    "SELECT CAST('' AS bigint)": "INVALID_CAST_ARGUMENT: Cannot cast '' to BIGINT",
    "SELECT CAST('2024-02-30' AS date)": "INVALID_CAST_ARGUMENT: Value cannot be cast to date: 2024-02-30",
    "SELECT CAST('yes' AS boolean)": "INVALID_CAST_ARGUMENT: Cannot cast 'yes' to BOOLEAN",
    "SELECT CAST(123456 AS varchar(3))": "INVALID_CAST_ARGUMENT: Value 123456 cannot be represented as varchar(3)",
    "SELECT CAST(X'61' AS varchar)": "TYPE_MISMATCH: line 1:13: Cannot cast varbinary to varchar",
    "SELECT CAST(1 AS string)": "TYPE_MISMATCH: line 1:13: Unknown type: string",
    "SELECT 2147483647 + 1": "NUMERIC_VALUE_OUT_OF_RANGE: integer addition overflow",
    "SELECT sum(x) FROM (VALUES 9223372036854775807, 1) t(x)": "NUMERIC_VALUE_OUT_OF_RANGE: bigint addition overflow",
    "SELECT ARRAY[1, 2][3]": (
        "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: 3 > 2"
    ),
    "SELECT ARRAY[1][0]": "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1",
    "SELECT MAP(ARRAY['a'], ARRAY[1])['z']": "INVALID_FUNCTION_ARGUMENT: Key not present in map: z",
    "SELECT date_parse('2024-13-01', '%Y-%m-%d')": 'INVALID_FUNCTION_ARGUMENT: Invalid format: "2024-13-01"',
    "SELECT (SELECT b FROM (VALUES 1, 2) u(b))": "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows",
    "SELECT x FROM (VALUES 1) t(y)": "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved",
    "SELECT y\nFROM (VALUES 1) t(y)\nWHERE z = 1": "COLUMN_NOT_FOUND: line 3:7: Column 'z' cannot be resolved",
    "SELECT a FROM (SELECT 1 a, 2 a)": "AMBIGUOUS_NAME: line 1:8: Column 'a' is ambiguous",
    "SELECT foo(1)": "FUNCTION_NOT_FOUND: line 1:8: Function 'foo' not registered",
    "SELECT year('2024-01-01')": "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (varchar(10)) for function year",
    "SELECT '2024' = 2024": "TYPE_MISMATCH: line 1:8: Cannot apply operator: varchar(4) = integer",
    "SELECT 'a' + 1": "TYPE_MISMATCH: line 1:8: Cannot apply operator: varchar(1) + integer",
    "SELECT date '2024-01-01' = '2024-01-01'": "TYPE_MISMATCH: line 1:13: Cannot apply operator: date = varchar(10)",
    "SELECT 1 WHERE 1": "TYPE_MISMATCH: line 1:16: WHERE clause must evaluate to a boolean",
    "SELECT coalesce(1, 'a')": "TYPE_MISMATCH: line 1:8: All operands must be the same type: integer",
    "SELECT 1 UNION SELECT 'a'": "TYPE_MISMATCH: line 1:8: column 1 in UNION query has incompatible types",
    "SELECT 1 UNION SELECT 1, 2": "TYPE_MISMATCH: line 1:8: UNION query has different number of fields: 1, 2",
    "SELECT a, b FROM (VALUES (1, 2)) t(a, b) GROUP BY a": (
        "EXPRESSION_NOT_AGGREGATE: line 1:11: 'b' must be an aggregate expression or appear in GROUP BY clause"
    ),
    "SELECT a, count(*) FROM (VALUES 1) t(a)": "EXPRESSION_NOT_AGGREGATE: line 1:8: 'a' must be",
    "SELECT a AS b FROM (VALUES 1) t(a) WHERE b = 1": "COLUMN_NOT_FOUND: line 1:42: Column 'b' cannot be resolved",
    "SELECT a AS b, count(*) FROM (VALUES 1) t(a) GROUP BY b": "COLUMN_NOT_FOUND: line 1:55: Column 'b'",
    "SELECT 1 AS a, a + 1": "COLUMN_NOT_FOUND: line 1:16: Column 'a' cannot be resolved",
    "SELECT a FROM (VALUES 1) t(a) WHERE sum(a) > 1": "EXPRESSION_NOT_SCALAR: line 1:37: WHERE clause cannot contain",
    "SELECT sum(sum(a)) FROM (VALUES 1) t(a)": "NESTED_AGGREGATION: line 1:12: Cannot nest aggregations",
    "SELECT a FROM (VALUES 1) t(a) ORDER BY 5": "INVALID_COLUMN_REFERENCE: line 1:40: ORDER BY position 5",
    "SELECT DISTINCT a FROM (VALUES (1, 2)) t(a, b) ORDER BY b": "EXPRESSION_NOT_IN_DISTINCT: line 1:57",
    "SELECT * FROM (VALUES (1, 2), (3)) t": "TYPE_MISMATCH: line 1:24: Values rows have mismatched sizes",
    "SELECT * FROM (VALUES 1) t(a, b)": "MISMATCHED_COLUMN_ALIASES: line 1:23: Column alias list has 2 entries",
    "SELECT t.a FROM (VALUES 1) t(a) JOIN (VALUES 1) u(a) USING (a)": "COLUMN_NOT_FOUND: line 1:8: Column 't.a'",
    "SELECT date_trunc('fortnight', date '2024-01-01')": "INVALID_FUNCTION_ARGUMENT: line 1:8: 'fortnight' is not",
    "SELECT json_extract('{}', '$..a')": "NOT_SUPPORTED: line 1:8: Invalid JSON path: '$..a'",
    "SELECT regexp_like('a', '(?=a)')": "NOT_SUPPORTED: line 1:8: the regular expression (?=a)",
    "SELECT a FROM (VALUES 1) t(a) FOR UPDATE": "SYNTAX_ERROR: line 1:8: mismatched input",
    "SELECT * FROM t TABLESAMPLE BERNOULLI (10)": "NOT_SUPPORTED: line 1:15: the clause SAMPLE",
    "SELECT ARRAY[1] < ARRAY[1]": "NOT_SUPPORTED: line 1:14: < between values of type array(integer)",
    "WITH RECURSIVE t(n) AS (SELECT 1) SELECT * FROM t": "NOT_SUPPORTED: line 1:16: WITH RECURSIVE",
    "SELECT a FROM (VALUES 1) t(a) LIMIT 1 OFFSET 1": "SYNTAX_ERROR: line 1:46: mismatched input 'OFFSET'",
}


@pytest.mark.parametrize("sql", FAILURES)
def test_query_fails_as_athena_fails_it(sql: str) -> None:
    error = failure(sql)
    assert error.message.startswith(FAILURES[sql])
    assert error.category == 2


DUCKDB_ONLY = [
    "SELECT read_csv('x')",
    "SELECT * FROM read_csv('/etc/hosts')",
    "SELECT * FROM read_parquet('s3://a/b')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM range(5)",
    "SELECT current_setting('threads')",
    "SELECT getenv('HOME')",
    "SELECT list_sum(ARRAY[1])",
    "SELECT t_fail('x')",
    "SELECT struct_pack(1)",
    "SELECT strftime(now(), '%Y')",
    "SELECT error('x')",
]


@pytest.mark.parametrize("sql", DUCKDB_ONLY)
def test_what_only_duckdb_knows_is_refused(sql: str) -> None:
    assert failure(sql).message.startswith(("FUNCTION_NOT_FOUND", "NOT_SUPPORTED"))


FOREIGN = [
    "SELECT 1::varchar",
    "SELECT 1,",
    "SELECT a, FROM t",
    "SELECT a FROM t WHERE a == 1",
    "SELECT a ISNULL FROM t",
    "SELECT date '2024-01-01' + interval '1 day'",
    "SELECT date '2024-01-01' + interval 1 day",
    "SELECT a FROM t LIMIT 5, 10",
    "SELECT a AS 'b' FROM t",
    "SELECT 'a' 'b'",
    "SELECT 'a' ILIKE 'A'",
    "SELECT 7 DIV 2",
    "SELECT 7 // 2",
    "SELECT 2 ** 3",
    "SELECT !true",
    "SELECT true && false",
    "SELECT [1, 2]",
    "SELECT {'a': 1}",
    "SELECT `a` FROM t",
    "SELECT * FROM (FROM t)",
    "SELECT a FROM t WHERE a IN ()",
    "SELECT * FROM t CROSS APPLY (SELECT 1)",
    "SELECT a FROM t QUALIFY 1 = 1",
    "SELECT 1 AS order",
    "SELECT a b c FROM t",
    "SELECT TOP 5 a FROM t",
]


@pytest.mark.parametrize("sql", FOREIGN)
def test_syntax_of_other_engines_is_refused_when_it_is_submitted(sql: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^line \d+:\d+: "):
        check(sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "length greater than or equal to 1"),
        ("  \n", "length greater than or equal to 1"),
        ("-- nothing", "line 1:1: mismatched input '<EOF>'"),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed. Got: SELECT 1; SELECT 2"),
        ("DROP TABLE a; DROP TABLE b", "Only one sql statement is allowed."),
        ("SELEC 1", "line 1:1: mismatched input 'SELEC'"),
        ("SELECT * FRM t", "line 1:14: mismatched input 't'"),
        ("CREATE EXTERNAL TABLE (a int)", "line 1:23: mismatched input '('"),
        ("CREATE EXTERNAL TABLE t (a notatype) LOCATION 's3://b/'", "line 1:28: no viable alternative at input"),
        ("ALTER TABLE t ADD PARTITION", "mismatched input '<EOF>'"),
        ("CREATE TABLE t (a int)", "Queries of this type are not supported"),
        ("CREATE TABLE IF NOT EXISTS t AS SELECT 1 a", "Queries of this type are not supported"),
        ("INSERT OVERWRITE t SELECT 1", "mismatched input 'OVERWRITE'. Expecting: 'INTO'"),
        ("UNLOAD (SELECT 1) TO 's3://b/'", "mismatched input '<EOF>'. Expecting: 'WITH'"),
        ("PREPARE p FROM DROP TABLE t", "Queries of this type are not supported"),
        ("CREATE TABLE t AS DROP TABLE u", "mismatched input 'DROP'. Expecting: 'SELECT'"),
        ("DELETE FROM t", "Queries of this type are not supported"),
        ("MERGE INTO t USING s ON true", "Queries of this type are not supported"),
        ("VACUUM t", "Queries of this type are not supported"),
        ("ALTER TABLE t RENAME PARTITION (a=1) TO PARTITION (a=2)", "Queries of this type are not supported"),
        ("ALTER TABLE t DROP IF EXISTS PARTITION (a=1)", "Queries of this type are not supported"),
        ("SHOW CREATE TABLE t", "Queries of this type are not supported"),
        ("SHOW COLUMNS IN t", "Queries of this type are not supported"),
    ],
)  # fmt: skip
def test_text_that_athena_does_not_accept_is_refused_when_it_is_submitted(sql: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(sql)
    assert message in caught.value.message


@pytest.mark.parametrize("sql", ["SELECT 1;", "SELECT ';'", "/* c */ SELECT 1 -- end", "SHOW TABLES;", "(SELECT 1)"])
def test_one_statement_is_accepted(sql: str) -> None:
    check(sql)

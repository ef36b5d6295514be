-- Queries: order, limits, sets, joins, subqueries, names, and what is no query.
SELECT id, i FROM types ORDER BY i, id
SELECT id, i FROM types ORDER BY i DESC, id
SELECT id, i FROM types ORDER BY i NULLS FIRST, id
SELECT id, s FROM types ORDER BY s, id
SELECT id, d FROM types ORDER BY d DESC, id
SELECT id, d FROM types ORDER BY d, id
SELECT id FROM types ORDER BY ch, vc, id
SELECT id, bin FROM types ORDER BY bin, id
SELECT id, arr FROM types ORDER BY arr, id
SELECT id FROM types ORDER BY m
SELECT id FROM types ORDER BY 2
SELECT id FROM types ORDER BY 0
SELECT id AS x FROM types ORDER BY x OFFSET 2 LIMIT 3
SELECT id FROM types ORDER BY id LIMIT 3 OFFSET 2
SELECT * FROM (SELECT id, b FROM types ORDER BY b FETCH FIRST 1 ROW WITH TIES) ORDER BY 1, 2
SELECT * FROM (SELECT id, b FROM types ORDER BY b, ti FETCH FIRST 2 ROWS WITH TIES) ORDER BY 1, 2
SELECT id FROM types ORDER BY id FETCH FIRST 2 ROWS ONLY
SELECT id FROM types ORDER BY id LIMIT ALL
SELECT id FROM types FETCH FIRST 1 ROW WITH TIES
SELECT id FROM types LIMIT 0
SELECT id FROM types LIMIT -1
SELECT id FROM types ORDER BY id LIMIT 1 + 1
SELECT TOP 1 id FROM types
SELECT 1 UNION SELECT 1.5 UNION ALL SELECT 2e0 ORDER BY 1
SELECT 1 UNION SELECT 'a'
SELECT 1, 2 UNION SELECT 1
SELECT i FROM types INTERSECT SELECT i FROM types ORDER BY 1
SELECT b FROM types EXCEPT SELECT true ORDER BY 1
SELECT b FROM types EXCEPT ALL SELECT true ORDER BY 1
SELECT 1 INTERSECT ALL SELECT 1
SELECT NULL UNION SELECT NULL
SELECT CAST('a' AS char(3)) UNION SELECT 'a '
SELECT 'a' UNION ALL SELECT 'bcd'
SELECT DATE '2024-01-01' UNION ALL SELECT TIMESTAMP '2024-01-01 12:00:00' ORDER BY 1
SELECT nan() UNION SELECT nan()
SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(n, s) ORDER BY n
SELECT * FROM (VALUES 1, 'a') AS t(x)
SELECT * FROM (VALUES (1, 2), (3)) AS t(x, y)
SELECT * FROM (VALUES 1, 2.5, NULL) AS t(x) ORDER BY x
SELECT * FROM (VALUES 'a', 'bcd') AS t(x) ORDER BY x
VALUES 1, 2, 3
VALUES (1, 'a'), (2, 'bc')
TABLE types
SELECT count(*) FROM types TABLESAMPLE BERNOULLI (100)
SELECT count(*) FROM types TABLESAMPLE (100)
SELECT t.id, (SELECT count(*) FROM types u WHERE u.id < t.id) AS n FROM types t ORDER BY t.id
SELECT t.id FROM types t WHERE EXISTS (SELECT 1 FROM types u WHERE u.id = t.id + 1 AND u.b = t.b) ORDER BY 1
SELECT t.id FROM types t WHERE t.i NOT IN (SELECT i FROM types) ORDER BY 1
SELECT t.id FROM types t WHERE t.i NOT IN (SELECT i FROM types WHERE i IS NOT NULL AND id > 2) ORDER BY 1
SELECT t.id FROM types t WHERE t.i > ALL (SELECT i FROM types WHERE id < 3) ORDER BY 1
SELECT t.id FROM types t WHERE t.i = ANY (SELECT i FROM types WHERE id < 3) ORDER BY 1
SELECT t.id FROM types t WHERE t.i < SOME (SELECT i FROM types WHERE id < 3) ORDER BY 1
SELECT t.id FROM types t WHERE t.d = ANY (SELECT d FROM types) ORDER BY 1
SELECT t.id FROM types t WHERE t.d IN (SELECT d FROM types) ORDER BY 1
SELECT t.id FROM types t JOIN types u ON t.d = u.d ORDER BY 1
SELECT (SELECT id FROM types)
SELECT (SELECT id FROM types WHERE id > 1000)
SELECT (SELECT id, s FROM types)
SELECT t.id, x.m FROM types t CROSS JOIN LATERAL (SELECT t.id * 2 AS m) x ORDER BY 1
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
WITH a(z) AS (SELECT 1) SELECT z FROM a
WITH a(z, y) AS (SELECT 1) SELECT z FROM a
WITH a AS (SELECT 1 AS x) SELECT x FROM (WITH a AS (SELECT 2 AS x) SELECT x FROM a)
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r ORDER BY 1
SELECT a.id, b.id FROM types a FULL OUTER JOIN types b ON a.id = b.id + 1 ORDER BY 1, 2
SELECT id, a.b FROM types a JOIN types b USING (id) ORDER BY id
SELECT * FROM (SELECT 1 AS id, 2 AS x) a JOIN (SELECT 1 AS id, 3 AS y) b USING (id)
SELECT a.id FROM (SELECT 1 AS id) a JOIN (SELECT 1 AS id) b USING (id)
SELECT * FROM types a NATURAL JOIN types b
SELECT id FROM types a JOIN types b ON a.id = b.id
SELECT a.id FROM types a JOIN types b ON a.id = b.s
SELECT count(*) FROM types a, types b WHERE a.ch = b.vc
SELECT count(*) FROM types a LEFT JOIN types b ON a.id = b.id AND b.id > 3 WHERE b.id IS NULL
SELECT a.id, b.s FROM types a LEFT JOIN types b ON a.id > b.id AND b.id = 3 ORDER BY 1
SELECT id FROM types WHERE (id, b) IN (SELECT id, b FROM types WHERE id < 3) ORDER BY 1
SELECT x FROM (SELECT 1 AS x, 2 AS x)
SELECT 1 AS a, 2 AS a
SELECT t.id FROM types t WHERE id = (SELECT max(id) FROM types WHERE b = t.b) ORDER BY 1
SELECT id, x FROM types LEFT JOIN UNNEST(arr) AS t(x) ON true ORDER BY id, x
SELECT id, x, n FROM types CROSS JOIN UNNEST(arr) WITH ORDINALITY AS t(x, n) ORDER BY id, n
SELECT id, k, v FROM types, UNNEST(m) AS t(k, v) ORDER BY id, k
SELECT ID, "id", Types.S FROM TYPES WHERE "ID" = 1
SELECT "S" FROM "TYPES" WHERE id = 1
SELECT id AS "My Id" FROM types ORDER BY "my id" LIMIT 1
SELECT nope FROM types
SELECT t.nope FROM types t
SELECT nope.id FROM types
SELECT * FROM nope
SELECT * FROM nope.nope
SELECT * FROM nope.nope.nope
SELECT nope.* FROM types
SELECT nope(1)
SELEC 1
SELECT 1 +
SELECT 'abc
SELECT * FROM types WHERE id = 'x'
SELECT * FROM types WHERE s
SELECT * FROM types WHERE id
SELECT id FROM types WHERE NOT i
SELECT id, FROM types
SELECT FROM types
SELECT * EXCEPT (id) FROM types
SELECT `id` FROM types
SELECT [1, 2]
SELECT {'a': 1}
SELECT id FROM types WHERE s == 'a'
SELECT 5 // 2
SELECT !true
SELECT 2 ^ 3
SELECT 1 & 2
SELECT "abc"
SELECT id FROM types WHERE s SIMILAR TO 'a%'
SELECT id FROM types WHERE s ~ 'a'
SELECT id FROM types WHERE s RLIKE 'a'
SELECT 1 AS select
SELECT -- comment
SELECT 1 -- comment
SELECT /* c */ 1
SELECT 1 AS x WHERE false
SELECT x FROM (SELECT 1 x) WHERE x = 1
SELECT * FROM types, types
SELECT id FROM refdb.types WHERE id = 1
SELECT id FROM awsdatacatalog.refdb.types WHERE id = 1
SELECT id FROM "awsdatacatalog"."refdb"."types" t WHERE t.id = 1
SELECT refdb.types.id FROM refdb.types WHERE id = 1
SELECT lambda FROM (SELECT 1 AS lambda)
SELECT count(*) cnt FROM types HAVING cnt > 1
SELECT INTERVAL 1 DAY
SELECT id FROM types GROUP BY ALL
FROM types
SELECT 1 AS "", 2 AS "a b"
SELECT s AS "Größe" FROM types WHERE id = 1
SELECT types.* FROM types WHERE id = 1
SELECT st.* FROM types WHERE id = 1
SELECT st.nope FROM types
SELECT CASE WHEN id = 1 THEN 1 / (id - 1) ELSE 0 END FROM types WHERE id = 2
SELECT id FROM types WHERE id IN (SELECT 1 UNION SELECT 2) ORDER BY id
SELECT count(*) FROM (SELECT DISTINCT b FROM types)
SELECT max(id) FROM types WHERE s LIKE '%o%' AND NOT s LIKE 'x%'
SELECT table_name FROM information_schema.tables WHERE table_schema = 'refdb' ORDER BY 1
SELECT column_name, data_type, ordinal_position, is_nullable FROM information_schema.columns WHERE table_schema = 'refdb' AND table_name = 'types' ORDER BY ordinal_position
SELECT t.id FROM types t MATCH_RECOGNIZE (ORDER BY id MEASURES a.id AS x PATTERN (a b) DEFINE b AS b.id > a.id)
current_schema
typeof(current_catalog), typeof(current_schema)
SELECT x FROM (VALUES 1, 2, 2, 3) t(x) ORDER BY x FETCH FIRST 2 ROWS WITH TIES
SELECT x FROM (VALUES 1, 2, 2, 3) t(x) ORDER BY x OFFSET 1 ROWS FETCH NEXT ROW WITH TIES
SELECT x FROM (VALUES 1, 2, 2, 3) t(x) ORDER BY x FETCH FIRST 2 ROWS ONLY
SELECT x FROM (VALUES 1, 2, 2, 3) t(x) FETCH FIRST 2 ROWS WITH TIES
SELECT * FROM (SELECT id, x FROM (VALUES (1, 'b'), (2, 'a'), (3, 'b'), (4, 'c')) t(id, x) ORDER BY x FETCH FIRST 2 ROWS WITH TIES) ORDER BY 1, 2
SELECT * FROM (SELECT x, count(*) AS n FROM (VALUES 'b', 'a', 'b', 'c', 'a') t(x) GROUP BY x ORDER BY count(*) DESC FETCH FIRST ROW WITH TIES) ORDER BY 1, 2
SELECT x FROM (VALUES 1, NULL, 2, NULL) t(x) ORDER BY x DESC NULLS FIRST FETCH FIRST 1 ROW WITH TIES
(SELECT 1 x UNION ALL SELECT 1 UNION ALL SELECT 2) ORDER BY 1 FETCH FIRST 1 ROW WITH TIES
SELECT x AS y, x * 2 FROM (VALUES 3, 1, 1) t(x) ORDER BY y + 1, 2 FETCH FIRST 1 ROW WITH TIES
SELECT x FROM (VALUES 3, 1, 1) t(x) ORDER BY 1 OFFSET 1 FETCH FIRST 1 ROW WITH TIES
SELECT DISTINCT x FROM (VALUES 3, 1, 1) t(x) ORDER BY 1 FETCH FIRST 1 ROW WITH TIES
SELECT current_schema, x FROM (VALUES 3) t(x) WHERE current_catalog = 'awsdatacatalog'
SELECT x FROM (VALUES 1, 2) t(x) OFFSET 1 ROW
SELECT x FROM (VALUES 1, 2) t(x) OFFSET 1 ROW FETCH FIRST ROW ONLY
SELECT row(1) FROM (VALUES 1) t(x) FETCH FIRST 1 ROWS ONLY

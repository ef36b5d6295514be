-- Statements that write. $ is the side whose tables they are of; what is written is read by both.
CREATE TABLE $_types WITH (external_location = 's3://referee-files/$/types/', format = 'PARQUET') AS SELECT CAST(1 AS tinyint) ti, CAST(2 AS smallint) si, 3 i, BIGINT '4' bi, CAST(1.5 AS real) re, 2.5e0 d, true b, CAST(1.25 AS decimal(10,2)) de, CAST(1.25 AS decimal(30,5)) dl, 'x' v, CAST('y' AS varchar) s, CAST('z' AS char(3)) ch, DATE '2024-03-15' da, TIMESTAMP '2024-03-15 10:11:12.345' ts, ARRAY[1, NULL] a, MAP(ARRAY['k'], ARRAY[1.5]) m, CAST(ROW(1, 'q') AS row(x integer, y varchar)) r, to_utf8('bin') bin, ARRAY[CAST(ROW(ARRAY[1], MAP(ARRAY[1], ARRAY[DATE '2024-01-01'])) AS row(inner_list array(integer), inner_map map(integer, date)))] nested
CREATE TABLE $_nulls WITH (external_location = 's3://referee-files/$/nulls/', format = 'PARQUET') AS SELECT * FROM (VALUES (1, CAST(NULL AS varchar), CAST(NULL AS timestamp(3)), CAST(NULL AS array(integer))), (2, '', TIMESTAMP '1900-01-01 00:00:00.000', ARRAY[]), (NULL, 'ä', TIMESTAMP '2261-01-01 00:00:00.001', ARRAY[NULL])) t(a, b, c, d)
CREATE TABLE $_empty WITH (external_location = 's3://referee-files/$/empty/', format = 'PARQUET') AS SELECT 1 x, 'a' y WHERE false
CREATE TABLE $_none WITH (external_location = 's3://referee-files/$/none/', format = 'PARQUET') AS SELECT 1 x WITH NO DATA
CREATE TABLE $_parts WITH (external_location = 's3://referee-files/$/parts/', format = 'PARQUET', partitioned_by = ARRAY['p', 'q']) AS SELECT * FROM (VALUES (1, 'a', DATE '2024-01-01'), (2, 'b/c %', DATE '2024-01-02'), (3, '', NULL), (4, NULL, NULL)) t(x, p, q)
CREATE TABLE $_keys WITH (external_location = 's3://referee-files/$/keys/', format = 'PARQUET', partitioned_by = ARRAY['a', 'b', 'c', 'd']) AS SELECT 1 x, CAST(1 AS tinyint) a, BIGINT '-5' b, true c, 1.50 d
CREATE TABLE $_chars WITH (external_location = 's3://referee-files/$/chars/', format = 'PARQUET', partitioned_by = ARRAY['a']) AS SELECT 1 x, CAST('ab' AS char(5)) a
CREATE TABLE $_doubles WITH (external_location = 's3://referee-files/$/doubles/', format = 'PARQUET', partitioned_by = ARRAY['a']) AS SELECT 1 x, 1.5e0 a
CREATE TABLE $_moments WITH (external_location = 's3://referee-files/$/moments/', format = 'PARQUET', partitioned_by = ARRAY['a']) AS SELECT 1 x, TIMESTAMP '2024-01-01 01:02:03.000' a
CREATE TABLE $_umlaut WITH (external_location = 's3://referee-files/$/umlaut/', format = 'PARQUET', partitioned_by = ARRAY['a']) AS SELECT 1 x, 'ä' a
CREATE TABLE $_order WITH (external_location = 's3://referee-files/$/order/', format = 'PARQUET', partitioned_by = ARRAY['a']) AS SELECT 1 a, 2 b
CREATE TABLE $_absent WITH (external_location = 's3://referee-files/$/absent/', format = 'PARQUET', partitioned_by = ARRAY['c']) AS SELECT 1 a, 2 b
CREATE TABLE $_only WITH (external_location = 's3://referee-files/$/only/', format = 'PARQUET', partitioned_by = ARRAY['a']) AS SELECT 1 a
CREATE TABLE $_unnamed WITH (external_location = 's3://referee-files/$/unnamed/', format = 'PARQUET') AS SELECT 1
CREATE TABLE $_twice WITH (external_location = 's3://referee-files/$/twice/', format = 'PARQUET') AS SELECT 1 a, 2 a
CREATE TABLE $_unknown WITH (external_location = 's3://referee-files/$/unknown/', format = 'PARQUET') AS SELECT NULL a
CREATE TABLE $_zoned WITH (external_location = 's3://referee-files/$/zoned/', format = 'PARQUET') AS SELECT now() a
CREATE TABLE $_time WITH (external_location = 's3://referee-files/$/time/', format = 'PARQUET') AS SELECT TIME '01:02:03' a
CREATE TABLE $_json WITH (external_location = 's3://referee-files/$/json/', format = 'PARQUET') AS SELECT JSON '1' a
CREATE TABLE $_interval WITH (external_location = 's3://referee-files/$/interval/', format = 'PARQUET') AS SELECT INTERVAL '1' DAY a
CREATE TABLE $_property WITH (external_location = 's3://referee-files/$/property/', colour = 'red') AS SELECT 1 a
CREATE TABLE $_types WITH (external_location = 's3://referee-files/$/types2/') AS SELECT 1 a
CREATE TABLE $_again WITH (external_location = 's3://referee-files/$/types/') AS SELECT 1 a
CREATE TABLE $_many WITH (external_location = 's3://referee-files/$/many/', format = 'PARQUET', partitioned_by = ARRAY['y']) AS SELECT x, x y FROM UNNEST(sequence(1, 101)) t(x)
CREATE TABLE missing_schema.$_x WITH (external_location = 's3://referee-files/$/x/') AS SELECT 1 a
CREATE TABLE $_fails WITH (external_location = 's3://referee-files/$/fails/') AS SELECT 1 / 0 a
INSERT INTO $_nulls VALUES (7, 'seven', TIMESTAMP '2024-01-01 00:00:00.000', ARRAY[7])
INSERT INTO $_nulls VALUES (8, 'eight', TIMESTAMP '2024-01-01 00:00:00', NULL)
INSERT INTO $_nulls (b, a) SELECT 'nine', 9
INSERT INTO $_nulls (a) VALUES (CAST(10 AS smallint)), (NULL)
INSERT INTO $_nulls SELECT * FROM types WHERE false
INSERT INTO $_nulls VALUES (1)
INSERT INTO $_nulls (a) VALUES ('x')
INSERT INTO $_nulls (a, zz) VALUES (1, 2)
INSERT INTO $_nulls (a, a) VALUES (1, 2)
INSERT INTO $_nulls (b) VALUES (DATE '2024-01-01')
INSERT INTO $_types (v) VALUES ('y')
INSERT INTO $_types (v) VALUES ('y   ')
INSERT INTO $_types (v) VALUES ('yy')
INSERT INTO $_types (v) SELECT s FROM $_types WHERE s = 'y'
INSERT INTO $_types (ch) VALUES ('long')
INSERT INTO $_types (ch) VALUES ('ab')
INSERT INTO $_types (de) VALUES (1.5)
INSERT INTO $_types (d, re) VALUES (1, 2)
INSERT INTO $_types (d) VALUES (1.5)
INSERT INTO $_types (da) VALUES ('2024-01-01')
INSERT INTO $_types (ts) VALUES (DATE '2024-01-01')
INSERT INTO $_types (a) VALUES (ARRAY[CAST(1 AS tinyint)])
INSERT INTO $_parts VALUES (5, 'a', DATE '2024-01-01'), (6, 'new', DATE '2024-01-01')
INSERT INTO $_parts (q, x, p) VALUES (DATE '2024-05-01', 7, 'b/c %')
INSERT INTO $_parts (x) VALUES (8)
INSERT INTO $_missing VALUES (1)
INSERT INTO $_none SELECT CAST(x AS integer) FROM UNNEST(sequence(1, 3)) t(x)
CREATE TABLE $_lax WITH (external_location = 's3://referee-files/$/lax/', format = 'PARQUET') AS SELECT 1 a, CAST(1 AS real) re, CAST(1 AS decimal(10,2)) de, DATE '2024-01-01' da
INSERT INTO $_lax (a) VALUES (BIGINT '1')
INSERT INTO $_lax (de) VALUES (1)
INSERT INTO $_lax (de) VALUES (1.555)
INSERT INTO $_lax (re) VALUES (1.5e0)
INSERT INTO $_lax (da) VALUES (TIMESTAMP '2024-01-01 00:00:00')

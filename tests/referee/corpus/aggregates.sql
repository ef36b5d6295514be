-- Aggregates and grouping, over the table of all types.
SELECT count(*), count(i), count(DISTINCT i), sum(i), min(i), max(i) FROM types
SELECT avg(i), avg(bi), avg(m2) FROM types WHERE id < 4
SELECT sum(ti), sum(si), sum(bi), sum(r), sum(m2), sum(m18) FROM types WHERE id < 4
SELECT sum(d), avg(d), avg(r) FROM types WHERE id < 4
SELECT sum(bi) FROM types
SELECT sum(bi) FROM types WHERE id IN (1, 6)
SELECT min(s), max(s), min(dt), max(ts), min(ch), max(vc) FROM types
SELECT bool_and(b), bool_or(b), every(b) FROM types
SELECT min(b), max(b) FROM types
SELECT min(bin), max(bin) FROM types WHERE id < 4
SELECT max(arr), min(arr) FROM types WHERE id < 3
SELECT max(st) FROM types WHERE id < 3
SELECT max(m) FROM types
SELECT sum(s) FROM types
SELECT avg(dt) FROM types
SELECT min(d), max(d) FROM types
SELECT max(d), min(d) FROM types WHERE id IN (3, 5)
SELECT max(r), min(r) FROM types WHERE id IN (3, 5)
SELECT max(x), min(x), count(x), sum(x) FROM (VALUES nan(), 1e0, 2e0) t(x)
SELECT max(x), min(x) FROM (VALUES nan(), nan()) t(x)
SELECT max(x), min(x) FROM (VALUES 1e0, nan()) t(x)
SELECT max(x), max_by(x, x) FROM (VALUES REAL '1', REAL 'NaN') t(x)
SELECT max_by(s, d), min_by(s, d) FROM types
SELECT max_by(s, i), min_by(s, i), max_by(i, s) FROM types
SELECT max_by(k, x), min_by(k, x) FROM (VALUES ('a', 1e0), ('b', nan()), ('c', 2e0)) t(k, x)
SELECT max_by(k, x) FROM (VALUES ('a', nan())) t(k, x)
SELECT max_by(s, CAST(NULL AS integer)) FROM types
SELECT max_by(x, y), min_by(x, y) FROM (VALUES (NULL, 5), (1, 2)) t(x, y)
SELECT max_by(x, y), min_by(x, y) FROM (VALUES (1, 5), (NULL, 2)) t(x, y)
SELECT max_by(x, y), min_by(x, y) FROM (VALUES (1, NULL), (2, 3)) t(x, y)
SELECT max_by(x, y), min_by(x, y) FROM (VALUES (NULL, 5e0), (1, 2e0), (2, nan())) t(x, y)
SELECT max_by(s, i, 2), min_by(s, i, 2) FROM types WHERE id < 4
SELECT max(i, 2), min(i, 2) FROM types
SELECT count_if(b), count_if(i > 5) FROM types
SELECT approx_distinct(s), approx_distinct(i) FROM types
SELECT typeof(approx_distinct(s)) FROM types LIMIT 1
SELECT approx_percentile(i, 0.5) FROM (VALUES 1, 2, 3) t(i)
SELECT approx_percentile(i, ARRAY[0.25, 0.75]) FROM (VALUES 1, 2, 3, 4, 5) t(i)
SELECT typeof(approx_percentile(ti, 0.5)), typeof(approx_percentile(r, 0.5)), typeof(approx_percentile(d, 0.5)), typeof(approx_percentile(bi, 0.5)) FROM types WHERE id < 4
SELECT typeof(approx_percentile(m2, 0.5)) FROM types
SELECT approx_percentile(i, 1.5) FROM types
SELECT approx_percentile(i, 2, 0.5) FROM (VALUES 1, 2, 3) t(i)
SELECT stddev(x), stddev_pop(x), variance(x), var_pop(x), stddev_samp(x), var_samp(x) FROM (VALUES 1, 2, 5) t(x)
SELECT stddev(x), var_samp(x), stddev_pop(x), var_pop(x) FROM (VALUES 1) t(x)
SELECT corr(x, y), covar_pop(x, y), covar_samp(x, y), regr_slope(x, y), regr_intercept(x, y) FROM (VALUES (1, 2), (2, 4), (3, 7)) t(x, y)
SELECT corr(x, y), covar_pop(x, y), covar_samp(x, y) FROM (VALUES (1e0, 2e0), (2e0, 4e0), (3e0, 7e0)) t(x, y)
SELECT corr(x, y), covar_pop(x, y), covar_samp(x, y), regr_slope(x, y), regr_intercept(x, y) FROM (VALUES (1e0, 2e0)) t(x, y)
SELECT corr(x, y), regr_slope(x, y) FROM (VALUES (1, 2)) t(x, y)
SELECT corr(x, y) FROM (VALUES (1e0, 2e0), (1e0, 3e0)) t(x, y)
SELECT typeof(corr(x, y)), typeof(covar_samp(x, y)), typeof(regr_slope(x, y)) FROM (VALUES (1.5, 2.5)) t(x, y)
SELECT corr(r, d) FROM types WHERE id < 4
SELECT skewness(x), kurtosis(x) FROM (VALUES 1, 2, 5, 9) t(x)
SELECT skewness(x), kurtosis(x) FROM (VALUES 1, 2) t(x)
SELECT geometric_mean(x) FROM (VALUES 1, 2, 4) t(x)
SELECT checksum(x) IS NOT NULL FROM (VALUES 1) t(x)
SELECT entropy(x) FROM (VALUES 1, 2, 4) t(x)
SELECT bitwise_and_agg(x), bitwise_or_agg(x), bitwise_xor_agg(x) FROM (VALUES 1, 3, 7) t(x)
SELECT numeric_histogram(2, x) FROM (VALUES 1e0, 2e0, 4e0) t(x)
SELECT reduce_agg(x, 0, (a, b) -> a + b, (a, b) -> a + b) FROM (VALUES 1, 2, 3) t(x)
SELECT arbitrary(x), any_value(x) FROM (VALUES 1, 1) t(x)
SELECT any_value(x) FROM (VALUES NULL, 1) t(x)
SELECT listagg(s, ',') WITHIN GROUP (ORDER BY id) FROM types
SELECT listagg(s) WITHIN GROUP (ORDER BY id DESC) FROM types WHERE id < 4
SELECT listagg(CAST(i AS varchar), '+') WITHIN GROUP (ORDER BY i) FROM types
SELECT listagg(DISTINCT s, ',') WITHIN GROUP (ORDER BY s) FROM types
SELECT listagg(s, ',' ON OVERFLOW TRUNCATE '...' WITH COUNT) WITHIN GROUP (ORDER BY id) FROM types
SELECT array_agg(id ORDER BY id DESC) FROM types
SELECT array_agg(s ORDER BY s), array_agg(DISTINCT b ORDER BY b) FROM types
SELECT array_agg(id ORDER BY d DESC NULLS LAST, id) FROM types
SELECT array_agg(i ORDER BY id) FILTER (WHERE i IS NOT NULL) FROM types
SELECT array_agg(x) FROM (VALUES 1) t(x) WHERE x > 5
SELECT map_agg(id, s) FROM types WHERE id < 4
SELECT map_agg(b, id) FROM types WHERE id IN (1, 2)
SELECT map_agg(k, v) FROM (VALUES ('a', 1), (NULL, 2), ('b', NULL)) t(k, v)
SELECT map_agg(k, v) FROM (VALUES ('a', 1)) t(k, v) WHERE v > 5
SELECT multimap_agg(b, id) FROM types WHERE id IN (1, 2)
SELECT histogram(b) FROM types
SELECT map_union(m) FROM types WHERE id = 1
SELECT sum(x), avg(x), max(x), count(x), count_if(x > 1), stddev(x) FROM (VALUES 1) t(x) WHERE x > 5
SELECT b, count(*), sum(i) FROM types GROUP BY b ORDER BY b
SELECT b, s, grouping(b, s), count(*) FROM types GROUP BY ROLLUP (b, s) ORDER BY 3, 1, 2
SELECT typeof(grouping(b)), count(*) FROM types GROUP BY ROLLUP (b) ORDER BY 2
SELECT b, ch, count(*) FROM types GROUP BY CUBE (b, ch) ORDER BY 1, 2, 3
SELECT b, ch, count(*) FROM types GROUP BY GROUPING SETS ((b), (ch), ()) ORDER BY 1, 2, 3
SELECT b, count(*) FROM types GROUP BY GROUPING SETS (b, ()), ROLLUP (b) ORDER BY 1, 2
SELECT b, count(*) AS n FROM types GROUP BY 1 HAVING count(*) > 2 ORDER BY n DESC, b
SELECT b AS x, count(*) FROM types GROUP BY x
SELECT b, i FROM types GROUP BY b
SELECT b, count(*) FROM types GROUP BY b HAVING n > 1
SELECT count(*) FROM types WHERE sum(i) > 1
SELECT count(DISTINCT (b, i)), count(DISTINCT b), sum(DISTINCT i) FROM types
SELECT count(DISTINCT d), count(DISTINCT arr), count(DISTINCT st) FROM types
SELECT avg(DISTINCT ti), max(DISTINCT s) FROM types
SELECT sum(i) FILTER (WHERE b), count(*) FILTER (WHERE d > 1) FROM types
SELECT b, sum(i) FROM types GROUP BY b ORDER BY sum(i) DESC NULLS LAST
SELECT sum(sum(i)) FROM types
SELECT d, count(*) FROM types GROUP BY d ORDER BY d
SELECT arr, count(*) FROM types GROUP BY arr
SELECT st, count(*) FROM types GROUP BY st
SELECT m, count(*) FROM types GROUP BY m
SELECT DISTINCT b FROM types ORDER BY b DESC
SELECT DISTINCT b FROM types ORDER BY id
SELECT DISTINCT arr FROM types
SELECT DISTINCT m FROM types
SELECT upper(s), count(*) FROM types GROUP BY upper(s) ORDER BY 1
SELECT upper(s), count(*) FROM types GROUP BY s ORDER BY 1
SELECT i + 1, count(*) FROM types GROUP BY i ORDER BY 1
SELECT count(*) + 1, -sum(i) FROM types
SELECT 1 FROM types HAVING count(*) > 100
SELECT count(*) FROM types GROUP BY ()
SELECT sum(i + ti), sum(i) + sum(ti) FROM types WHERE id < 4
SELECT sum(m2 * i), typeof(sum(m2 * i)), typeof(avg(m2)), typeof(sum(m2)), typeof(sum(r)), typeof(avg(r)), typeof(avg(i)) FROM types WHERE id = 1
SELECT sum(x) FROM (VALUES DECIMAL '99999999999999999999999999999999999999', DECIMAL '1') t(x)
SELECT avg(x) FROM (VALUES DECIMAL '1.00', DECIMAL '2.01') t(x)
SELECT avg(x) FROM (VALUES INTERVAL '1' DAY, INTERVAL '3' DAY) t(x)
SELECT sum(x) FROM (VALUES INTERVAL '1' DAY, INTERVAL '3' DAY) t(x)
SELECT sum(x) FROM (VALUES INTERVAL '1' MONTH, INTERVAL '14' MONTH) t(x)
SELECT median(i) FROM types
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY i) FROM types
SELECT group_concat(s) FROM types
SELECT first(s) FROM types
SELECT mode(i) FROM types
SELECT sum(1, 2)
SELECT sum(DISTINCT i) FILTER (WHERE i > 5) FROM types
SELECT max(length(s)), min(abs(i)) FROM types WHERE id < 4
SELECT count(NULL), sum(NULL), max(NULL) FROM types

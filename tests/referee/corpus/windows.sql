-- Window functions.
SELECT id, row_number() OVER (ORDER BY id), rank() OVER (ORDER BY b), dense_rank() OVER (ORDER BY b) FROM types ORDER BY id
SELECT id, percent_rank() OVER (ORDER BY b), cume_dist() OVER (ORDER BY b), ntile(3) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lag(i) OVER (ORDER BY id), lead(i, 2, -1) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lag(i, 0) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lag(i, -1) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lead(i, -1) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lag(i, NULL) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lag(i, id) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lag(i) IGNORE NULLS OVER (ORDER BY id), lead(i) IGNORE NULLS OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, first_value(i) OVER (ORDER BY id), last_value(i) OVER (ORDER BY id), nth_value(i, 2) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, nth_value(i, 0) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, nth_value(i, -1) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, nth_value(i, NULL) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, last_value(i) IGNORE NULLS OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM types ORDER BY id
SELECT id, sum(i) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM types WHERE id < 6 ORDER BY id
SELECT id, avg(ti) OVER (PARTITION BY b ORDER BY id) FROM types ORDER BY id
SELECT id, sum(ti) OVER (ORDER BY b RANGE UNBOUNDED PRECEDING), count(*) OVER () FROM types ORDER BY id
SELECT id, sum(ti) OVER (ORDER BY id RANGE BETWEEN 2 PRECEDING AND CURRENT ROW) FROM types ORDER BY id
SELECT id, sum(ti) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM types ORDER BY id
SELECT id, count(*) OVER (ORDER BY dt RANGE BETWEEN INTERVAL '1' MONTH PRECEDING AND CURRENT ROW) FROM types ORDER BY id
SELECT id, sum(ti) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) FROM types ORDER BY id
SELECT id, sum(ti) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 1 FOLLOWING) FROM types ORDER BY id
SELECT id, sum(ti) OVER (ORDER BY id ROWS BETWEEN -1 PRECEDING AND CURRENT ROW) FROM types ORDER BY id
SELECT id, sum(ti) OVER w, min(ti) OVER w FROM types WINDOW w AS (ORDER BY id) ORDER BY id
SELECT id FROM types WHERE row_number() OVER (ORDER BY id) = 1
SELECT id FROM types QUALIFY row_number() OVER (ORDER BY id) = 1
SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY b ORDER BY id DESC) AS n FROM types) WHERE n = 1 ORDER BY id
SELECT b, rank() OVER (ORDER BY sum(ti) DESC) FROM types GROUP BY b ORDER BY b
SELECT b, sum(sum(ti)) OVER () FROM types GROUP BY b ORDER BY b
SELECT b, 100.0 * count(*) / sum(count(*)) OVER () > 1 FROM types GROUP BY b ORDER BY b
SELECT id, array_agg(id) OVER (ORDER BY id ROWS 1 PRECEDING) FROM types ORDER BY id
SELECT id, count(DISTINCT b) OVER () FROM types ORDER BY id
SELECT id, max_by(s, ti) OVER (PARTITION BY b) FROM types ORDER BY id
SELECT id, max(d) OVER (PARTITION BY b), min(d) OVER (PARTITION BY b) FROM types ORDER BY id
SELECT id, max(d) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM types ORDER BY id
SELECT id, approx_distinct(s) OVER (PARTITION BY b) FROM types ORDER BY id
SELECT id, count_if(b) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, sum(ti) FILTER (WHERE b) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, row_number() OVER () > 0 FROM types ORDER BY id
SELECT id, rank() OVER (PARTITION BY d ORDER BY id) FROM types ORDER BY id
SELECT id, dense_rank() OVER (ORDER BY d) FROM types ORDER BY id
SELECT ntile(0) OVER (ORDER BY id) FROM types
SELECT ntile(-1) OVER (ORDER BY id) FROM types
SELECT id, ntile(id) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, ntile(NULL) OVER (ORDER BY id) FROM types ORDER BY id
SELECT row_number() FROM types
SELECT upper(s) OVER () FROM types
SELECT typeof(rank() OVER ()), typeof(percent_rank() OVER ()), typeof(sum(m2) OVER ()), typeof(lag(vc) OVER (ORDER BY id)) FROM types LIMIT 1
SELECT id, lag(s, 1, 'none') OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, lag(ti, 1, 1.5) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, stddev(ti) OVER (ORDER BY id) FROM types WHERE id < 4 ORDER BY id
SELECT id, avg(m2) OVER (ORDER BY id), sum(m2) OVER (ORDER BY id) FROM types ORDER BY id
SELECT id, listagg(s, ',') WITHIN GROUP (ORDER BY id) OVER () FROM types
SELECT id, bool_or(b) OVER (PARTITION BY ch) FROM types ORDER BY id

-- Expressions over the columns of a table of all types.
SELECT * FROM types ORDER BY id
SELECT typeof(id), typeof(b), typeof(ti), typeof(si), typeof(i), typeof(bi), typeof(r), typeof(d) FROM types WHERE id = 1
SELECT typeof(m2), typeof(m18), typeof(s), typeof(vc), typeof(ch), typeof(dt), typeof(ts), typeof(bin) FROM types WHERE id = 1
SELECT typeof(arr), typeof(arrs), typeof(m), typeof(st) FROM types WHERE id = 1
SELECT id, ti + si, ti * ti, i + ti, bi * i, -ti FROM types WHERE id = 1
SELECT typeof(ti + si), typeof(ti * ti), typeof(bi + i), typeof(r + i), typeof(d * m2), typeof(m2 * i) FROM types WHERE id = 1
SELECT ti * CAST(100 AS tinyint) FROM types WHERE id = 2
SELECT ti + ti FROM types WHERE id = 2
SELECT si * si * si FROM types WHERE id = 4 OR si > 1000
SELECT i * i FROM types
SELECT bi * bi FROM types
SELECT bi - 1 FROM types
SELECT -bi FROM types
SELECT abs(bi) FROM types
SELECT id, m2 * m18 FROM types WHERE id < 4 ORDER BY id
SELECT id, m18 * m18 FROM types
SELECT id, bi % i FROM types ORDER BY id
SELECT id, r, CAST(r AS double), r = 0.1, r = REAL '0.1', d = 0.1 FROM types ORDER BY id
SELECT id, ch, length(ch), ch || '|', ch = 'ab', ch = 'ab   ', ch LIKE 'ab', ch LIKE 'ab%' FROM types ORDER BY id
SELECT id, vc = ch, s = ch, upper(ch), CAST(ch AS varchar) FROM types ORDER BY id
SELECT id, concat(ch, vc) FROM types ORDER BY id
SELECT id, length(s), upper(s), lower(s), reverse(s), substr(s, 1, 2), strpos(s, 'é'), to_utf8(s) FROM types ORDER BY id
SELECT id, dt, year(dt), date_trunc('month', dt), dt + INTERVAL '1' MONTH FROM types ORDER BY id
SELECT id, date_diff('day', dt, DATE '2024-01-01'), CAST(dt AS timestamp), dt = ts, CAST(ts AS date) FROM types ORDER BY id
SELECT id, ts, date_trunc('hour', ts), ts + INTERVAL '1' SECOND, to_unixtime(ts), hour(ts), millisecond(ts) FROM types ORDER BY id
SELECT id, date_format(ts, '%Y-%m-%dT%H:%i:%s'), ts AT TIME ZONE 'America/New_York', CAST(ts AS varchar) FROM types ORDER BY id
SELECT id, CAST(ts AS timestamp(0)), CAST(ts AS timestamp(6)) FROM types ORDER BY id
SELECT id FROM types WHERE ts >= DATE '2024-01-01' ORDER BY id
SELECT id FROM types WHERE ts BETWEEN TIMESTAMP '1960-01-01 00:00:00' AND TIMESTAMP '2024-12-31 23:59:59.999' ORDER BY id
SELECT id FROM types WHERE dt = TIMESTAMP '2024-03-15 00:00:00' ORDER BY id
SELECT id FROM types WHERE ts = '2024-03-15 10:11:12.345'
SELECT id, bin, length(bin), to_hex(bin), bin = X'00ff' FROM types ORDER BY id
SELECT id, from_utf8(bin) FROM types ORDER BY id
SELECT id, json_extract_scalar(js, '$.a'), json_extract(js, '$.b'), json_extract_scalar(js, '$.b[0]') FROM types ORDER BY id
SELECT id, json_parse(js) FROM types ORDER BY id
SELECT id, TRY(json_parse(js)) FROM types ORDER BY id
SELECT id, CAST(arr AS json) FROM types ORDER BY id
SELECT id, CAST(m AS json) FROM types ORDER BY id
SELECT id, CAST(st AS json) FROM types ORDER BY id
SELECT id, CAST(s AS json), CAST(m2 AS json), CAST(i AS json), CAST(b AS json) FROM types ORDER BY id
SELECT id, TRY_CAST(s AS integer), TRY_CAST(s AS double), TRY_CAST(s AS date) FROM types ORDER BY id
SELECT id, CAST(s AS integer) FROM types ORDER BY id
SELECT id, CAST(d AS varchar), CAST(r AS varchar) FROM types ORDER BY id
SELECT id, CAST(m2 AS varchar), CAST(b AS varchar), CAST(bi AS varchar) FROM types ORDER BY id
SELECT id, CAST(d AS integer) FROM types WHERE id <> 5 ORDER BY id
SELECT id, TRY_CAST(d AS integer), TRY_CAST(r AS bigint) FROM types ORDER BY id
SELECT id, CAST(d AS decimal(10,2)), CAST(d AS bigint) FROM types WHERE id < 4 ORDER BY id
SELECT id, round(d, 1), floor(d), ceil(d), d % 2, round(r, 1) FROM types ORDER BY id
SELECT id, round(m2, 1), floor(m2), ceil(m18), truncate(m2) FROM types ORDER BY id
SELECT id, is_nan(d), d > 1, d < 1, d = d, d <> d, d IN (nan(), 1.5e0), greatest(d, 1e0), least(d, 1e0) FROM types ORDER BY id
SELECT id, r > 1, r = r, r <> r, r IN (REAL '1.5'), greatest(r, REAL '1') FROM types ORDER BY id
SELECT id FROM types WHERE d > 1 ORDER BY id
SELECT id FROM types WHERE NOT d > 1 ORDER BY id
SELECT id FROM types WHERE d <> 1.5 ORDER BY id
SELECT id FROM types WHERE d = (SELECT d FROM types WHERE id = 5) ORDER BY id
SELECT id, coalesce(i, -1), nullif(i, 10), if(b, 'y', 'n'), CASE b WHEN true THEN 1 WHEN false THEN 0 END FROM types ORDER BY id
SELECT id, b AND NULL, b OR NULL, NOT b, b = true FROM types ORDER BY id
SELECT id FROM types WHERE s LIKE '%é%' OR s LIKE '\_%' ESCAPE '\' ORDER BY id
SELECT id, regexp_replace(s, '[aeiou]', '*'), regexp_like(s, '^\w+$') FROM types ORDER BY id
SELECT id, split(s, ' '), cardinality(split(s, ' ')) FROM types ORDER BY id
SELECT id, format('%s|%s|%s', s, i, dt) FROM types ORDER BY id
SELECT id, concat_ws(',', s, vc), s || vc, concat(s, '-', vc) FROM types ORDER BY id
SELECT id, array_join(arrs, ';'), array_max(arr), contains(arr, 2), slice(arr, 1, 2), arr || 9, array_sort(arr) FROM types ORDER BY id
SELECT id, zip(arr, arrs) FROM types ORDER BY id
SELECT id, map_keys(m), map_values(m), cardinality(m), element_at(m, 'a') FROM types ORDER BY id
SELECT id, map_filter(m, (k, v) -> v > 1) FROM types ORDER BY id
SELECT id, m['a'] FROM types WHERE id = 1
SELECT id, m['a'] FROM types ORDER BY id
SELECT id, transform(arr, x -> x + id), filter(arr, x -> x > id) FROM types ORDER BY id
SELECT id, any_match(arr, x -> x > 2), all_match(arr, x -> x > 2), none_match(arr, x -> x > 2) FROM types ORDER BY id
SELECT id, arr[1] FROM types WHERE id IN (1, 3) ORDER BY id
SELECT id, arr[1] FROM types ORDER BY id
SELECT id, element_at(arr, 1), element_at(arr, -1) FROM types ORDER BY id
SELECT id FROM types WHERE st = ROW(1, 'x', ARRAY[1, 2])
SELECT id FROM types WHERE arr = ARRAY[1, 2, 3]
SELECT id FROM types WHERE arr IN (ARRAY[8], ARRAY[9]) ORDER BY id
SELECT id FROM types WHERE m = MAP(ARRAY['k'], ARRAY[9])
SELECT id, st.a, st.b, cardinality(st.c) FROM types ORDER BY id
SELECT id FROM types WHERE st.a IS NULL ORDER BY id
SELECT id FROM types WHERE st IS NULL ORDER BY id
SELECT id, greatest(i, ti), least(dt, DATE '2000-01-01'), greatest(s, vc) FROM types ORDER BY id
SELECT id, ti BETWEEN 1 AND 6, s BETWEEN 'a' AND 'x', dt BETWEEN DATE '2024-01-01' AND DATE '2024-12-31' FROM types ORDER BY id
SELECT id, substr(vc, 2), trim(s), lpad(vc, 4, '.'), replace(s, 'l', 'L') FROM types ORDER BY id
SELECT typeof(substr(vc, 2)), typeof(trim(vc)), typeof(upper(vc)), typeof(reverse(vc)), typeof(replace(vc, 'a', 'b')), typeof(vc || vc) FROM types LIMIT 1
SELECT typeof(coalesce(vc, s)), typeof(coalesce(vc, ch)), typeof(split(vc, ',')), typeof(concat(vc, 'x')) FROM types LIMIT 1
SELECT id, md5(to_utf8(s)) FROM types ORDER BY id
SELECT regexp_extract("$path", '[^/]+$'), "$file_size" > 0 FROM types WHERE id = 1
SELECT typeof("$path"), typeof("$file_size"), typeof("$file_modified_time") FROM types WHERE id = 1
SELECT "$bucket" FROM types
SELECT "$partition" FROM types WHERE id = 1

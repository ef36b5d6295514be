-- Partitions, layouts, SerDes and files that are older than their table.
SELECT y, m, count(*), sum(v) FROM parts GROUP BY 1, 2 ORDER BY 1, 2
SELECT count(*) FROM parts WHERE y = '2024'
SELECT count(*) FROM parts WHERE y = 2024
SELECT count(*) FROM parts WHERE y = '2024' AND m IN (1, 2)
SELECT count(*) FROM parts WHERE m BETWEEN 2 AND 3
SELECT count(*) FROM parts WHERE m = '2'
SELECT typeof(y), typeof(m), typeof(day) FROM parts LIMIT 1
SELECT DISTINCT y, m, day FROM parts ORDER BY 1, 2, 3
SELECT y, m, day, v FROM parts ORDER BY v
SELECT "$partition", v FROM parts ORDER BY v
SELECT DISTINCT "$partition" FROM parts ORDER BY 1
SELECT count(*) FROM parts WHERE day >= DATE '2024-02-01'
SELECT count(*) FROM parts WHERE day >= '2024-02-01'
SELECT count(*) FROM parts WHERE y || '-' || CAST(m AS varchar) = '2024-1'
SELECT * FROM "parts$partitions" ORDER BY 1, 2
SELECT regexp_extract("$path", 'refdb/(.*)/', 1), v FROM parts ORDER BY v
SELECT max(y), min(m) FROM parts
SELECT count(*) FROM parts WHERE y IS NULL
SELECT y, v FROM parts WHERE y IS NULL OR y = '__HIVE_DEFAULT_PARTITION__' ORDER BY v
SELECT count(*) FROM parts WHERE y IS NOT NULL AND m > 0
SELECT p.v, q.v FROM parts p JOIN parts q ON p.y = q.y AND p.m < q.m ORDER BY 1, 2
SELECT * FROM dates_parts ORDER BY v
SELECT count(*) FROM dates_parts WHERE d < DATE '2024-02-01' AND f
SELECT * FROM widened ORDER BY v, k
SELECT * FROM proj ORDER BY v
SELECT count(*) FROM proj WHERE dt = '2024-01-02'
SELECT count(*) FROM proj WHERE dt >= '2024-01-02' AND dt < '2024-01-04'
SELECT * FROM proj_int ORDER BY v
SELECT count(*) FROM proj_int WHERE n = 2
SELECT count(*) FROM proj_int WHERE n = 99
SELECT * FROM proj_enum ORDER BY v
SELECT * FROM proj_injected WHERE who = 'ann' ORDER BY v
SELECT * FROM proj_injected WHERE who IN ('ann', 'bob') ORDER BY v
SELECT * FROM proj_injected ORDER BY v
SELECT * FROM csv_open ORDER BY 1
SELECT typeof(n), typeof(name) FROM csv_open LIMIT 1
SELECT n, length(name), name FROM csv_open ORDER BY 1
SELECT count(*) FROM csv_open WHERE x = ''
SELECT * FROM csv_quoted ORDER BY 1
SELECT * FROM csv_lazy ORDER BY name
SELECT sum(n), sum(amount), count(d), count(ts), count(name), count(flag) FROM csv_lazy
SELECT name, n FROM csv_lazy_numbers ORDER BY name
SELECT name, small, tiny, big FROM csv_lazy_numbers ORDER BY name
SELECT name, x FROM csv_lazy_doubles ORDER BY name
SELECT name, x FROM csv_lazy_reals ORDER BY name
SELECT name, x FROM csv_lazy_decimals ORDER BY name
SELECT name, x FROM csv_lazy_booleans ORDER BY name
SELECT name, x FROM csv_lazy_dates ORDER BY name
SELECT name, x FROM csv_lazy_timestamps ORDER BY name
SELECT name, x FROM csv_lazy_texts ORDER BY name
SELECT name, x FROM csv_lazy_chars ORDER BY name
SELECT n, arr FROM csv_lazy_complex ORDER BY 1
SELECT n, m FROM csv_lazy_complex ORDER BY 1
SELECT n, st FROM csv_lazy_complex ORDER BY 1
SELECT * FROM csv_lazy_escaped ORDER BY 1
SELECT * FROM csv_lazy_null ORDER BY 1
SELECT * FROM csv_gzip ORDER BY 1
SELECT * FROM csv_empty
SELECT count(*) FROM csv_lazy
SELECT * FROM json_lines ORDER BY 1
SELECT * FROM nothing
SELECT count(*) FROM nothing
SELECT * FROM evo ORDER BY id
SELECT id, added FROM evo WHERE added IS NULL ORDER BY id
SELECT id, wide FROM evo WHERE wide > 100 ORDER BY id
SELECT sum(wide) FROM evo
SELECT * FROM evo_case ORDER BY id
SELECT * FROM evo_struct ORDER BY id
SELECT id, st.b, st.c FROM evo_struct ORDER BY id
SELECT id, ts, CAST(ts AS varchar) FROM ts_units ORDER BY id
SELECT id FROM ts_units WHERE ts >= TIMESTAMP '2024-03-15 10:11:12.346' ORDER BY id
SELECT x FROM read_int_as_smallint ORDER BY id
SELECT x FROM read_int_as_tinyint ORDER BY id
SELECT x FROM read_bigint_as_int ORDER BY id
SELECT x FROM read_bigint_as_int WHERE id = 1
SELECT x FROM read_int_as_bigint ORDER BY id
SELECT x FROM read_int_as_double ORDER BY id
SELECT x FROM read_bigint_as_double ORDER BY id
SELECT x FROM read_int_as_real ORDER BY id
SELECT x FROM read_int_as_string ORDER BY id
SELECT x FROM read_int_as_varchar2 ORDER BY id
SELECT x FROM read_bigint_as_string ORDER BY id
SELECT x FROM read_int_as_decimal ORDER BY id
SELECT x FROM read_int_as_narrow_decimal ORDER BY id
SELECT x FROM read_int_as_boolean ORDER BY id
SELECT x FROM read_int_as_date ORDER BY id
SELECT x FROM read_int_as_timestamp ORDER BY id
SELECT x FROM read_float_as_double ORDER BY id
SELECT x FROM read_double_as_float ORDER BY id
SELECT x FROM read_double_as_int ORDER BY id
SELECT x FROM read_double_as_string ORDER BY id
SELECT x FROM read_double_as_decimal ORDER BY id
SELECT x FROM read_decimal_wider ORDER BY id
SELECT x FROM read_decimal_narrower ORDER BY id
SELECT x FROM read_decimal_narrower_exact ORDER BY id
SELECT x FROM read_decimal_too_narrow ORDER BY id
SELECT x FROM read_decimal_as_double ORDER BY id
SELECT x FROM read_decimal_as_bigint ORDER BY id
SELECT x FROM read_decimal_as_string ORDER BY id
SELECT x FROM read_long_decimal_narrower ORDER BY id
SELECT x FROM read_string_as_int ORDER BY id
SELECT x FROM read_string_as_date ORDER BY id
SELECT x FROM read_string_as_varchar3 ORDER BY id
SELECT x FROM read_string_as_char3 ORDER BY id
SELECT x FROM read_string_as_binary ORDER BY id
SELECT x FROM read_binary_as_string ORDER BY id
SELECT x FROM read_boolean_as_string ORDER BY id
SELECT x FROM read_boolean_as_int ORDER BY id
SELECT x FROM read_date_as_string ORDER BY id
SELECT x FROM read_date_as_timestamp ORDER BY id
SELECT x FROM read_timestamp_as_date ORDER BY id
SELECT x FROM read_timestamp_as_string ORDER BY id
SELECT x FROM read_timestamp_as_bigint ORDER BY id
SELECT x FROM read_unsigned_as_bigint ORDER BY id
SELECT x FROM read_unsigned_as_int ORDER BY id
SELECT x FROM read_int_array_as_bigint_array ORDER BY id
SELECT x FROM read_array_as_string ORDER BY id
SELECT x FROM read_dictionary_as_string ORDER BY id

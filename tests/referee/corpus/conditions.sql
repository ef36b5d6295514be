-- Comparison, logic, conditions and their types.
1 IN (1, NULL)
2 IN (1, NULL)
2 NOT IN (1, NULL)
NULL IN (1)
1 IN (1.0, 2)
1 IN ('a')
'x' IN ('x', 'y')
CAST('x' AS char(2)) IN ('x', 'y')
DATE '2024-01-01' IN (TIMESTAMP '2024-01-01 00:00:00')
(1, 'a') IN ((1, 'a'), (2, 'b'))
(1, NULL) IN ((1, 'a'))
(1, NULL) = (1, NULL)
(1, 2) < (1, 3)
(1, 2) <> (1, NULL)
(2, NULL) = (1, NULL)
ROW(1, 'a') = ROW(1, 'a')
ROW(1, NULL) = ROW(1, NULL)
ROW(1, NULL) = ROW(2, NULL)
ROW(1, 2) < ROW(1, 3)
ROW(1, 2.5) = ROW(1, 2.5e0)
ARRAY[1, 2] = ARRAY[1, 2]
ARRAY[1, NULL] = ARRAY[1, NULL]
ARRAY[1, NULL] = ARRAY[2, NULL]
ARRAY[1, NULL] <> ARRAY[2, NULL]
ARRAY[1, 2] = ARRAY[1, 2, 3]
ARRAY[1, 2] < ARRAY[1, 3]
ARRAY[1] < ARRAY[1, 0]
ARRAY[NULL] < ARRAY[1]
ARRAY[nan()] = ARRAY[nan()]
ARRAY[1, 2] IN (ARRAY[1, 2], ARRAY[3])
ARRAY[1] IS DISTINCT FROM ARRAY[NULL]
ROW(1, NULL) IS NOT DISTINCT FROM ROW(1, NULL)
MAP(ARRAY['a', 'b'], ARRAY[1, 2]) = MAP(ARRAY['b', 'a'], ARRAY[2, 1])
MAP(ARRAY['a'], ARRAY[NULL]) = MAP(ARRAY['a'], ARRAY[1])
MAP(ARRAY['a'], ARRAY[1]) < MAP(ARRAY['b'], ARRAY[1])
NULL = NULL
NULL <> 1
1 IS DISTINCT FROM NULL
NULL IS NOT DISTINCT FROM NULL
'a' < 'B'
'Z' < 'a'
'é' > 'z'
'a' BETWEEN 'A' AND 'b'
5 BETWEEN NULL AND 3
5 NOT BETWEEN 1 AND 3
5 BETWEEN 10 AND 1
true > false
true = NULL
true OR NULL
false AND NULL
NULL AND NULL
NOT NULL
NOT 1
1 AND true
true IS NULL
DATE '2024-03-05' = TIMESTAMP '2024-03-05 00:00:00'
DATE '2024-03-05' < TIMESTAMP '2024-03-05 00:00:01'
DATE '2024-03-05' = '2024-03-05'
TIMESTAMP '2024-03-05 00:00:00' > '2024-03-05'
TIMESTAMP '2024-03-05 12:00:00 UTC' = TIMESTAMP '2024-03-05 12:00:00'
TIMESTAMP '2024-07-05 14:05:06 Europe/Zurich' = TIMESTAMP '2024-07-05 12:05:06 UTC'
TIMESTAMP '2024-03-05 00:00:00.123' = TIMESTAMP '2024-03-05 00:00:00.123000'
INTERVAL '1' DAY = INTERVAL '24' HOUR
INTERVAL '1' DAY > INTERVAL '23' HOUR
X'00ff' = X'00FF'
X'00' < X'01'
'a_c' LIKE 'a!_c' ESCAPE '!'
'abc' LIKE 'a!_c' ESCAPE '!'
'10%' LIKE '10#%' ESCAPE '#'
'abc' LIKE 'a#' ESCAPE '#'
'abc' LIKE 'a#bc' ESCAPE '#'
'abc' LIKE 'abc' ESCAPE ''
'abc' LIKE 'abc' ESCAPE 'xy'
'abc' LIKE 'A%'
'abc' LIKE '%'
'' LIKE ''
'' LIKE '%'
'a\b' LIKE 'a\b'
'ab' LIKE 'a_'
'aéb' LIKE 'a_b'
'a' || chr(10) || 'b' LIKE 'a%b'
'abc' LIKE NULL
NULL LIKE 'a'
1 LIKE '1'
'abc' NOT LIKE 'a%'
'abc' LIKE concat('a', '%')
'abc' ILIKE 'ABC'
1 IS TRUE
CASE 1 WHEN 1 THEN 'a' ELSE 2 END
CASE WHEN 1 THEN 'a' END
CASE WHEN true THEN 1 ELSE 2.5 END
CASE WHEN false THEN 1 END
CASE NULL WHEN NULL THEN 1 ELSE 2 END
CASE 1 WHEN 1.0 THEN 'same' END
CASE WHEN NULL THEN 1 ELSE 2 END
CASE WHEN true THEN 'a' ELSE 'bcd' END
CASE WHEN 1 = 0 THEN 1 / 0 ELSE 5 END
typeof(CASE WHEN true THEN 'a' ELSE 'bcd' END)
typeof(CASE WHEN true THEN 'a' ELSE CAST('b' AS char(3)) END)
typeof(CASE WHEN true THEN DATE '2024-01-01' ELSE TIMESTAMP '2024-01-01 00:00:00.123' END)
typeof(CASE WHEN true THEN NULL END)
if(1 > 2, 'a')
if(true, 1, 2.5)
if(NULL, 1, 2)
if(1, 2, 3)
if(true)
nullif('a', 'a')
nullif(1, 1.0)
nullif(1, 2)
nullif(NULL, 1)
nullif(1.5, 'a')
typeof(nullif(1, 2.5))
coalesce(NULL, 1, 2.5)
coalesce(NULL, NULL)
coalesce(1)
coalesce(1, 'a')
coalesce(1, 1 / 0)
typeof(coalesce('a', 'bcd'))
typeof(coalesce(1, CAST(2 AS bigint)))
typeof(NULL)
typeof(1)
typeof('')
typeof(true)
typeof(now())
typeof(current_date)
typeof(localtimestamp)
typeof(INTERVAL '1' DAY)
typeof(INTERVAL '1' YEAR)
typeof(X'00')
typeof(2147483648)
typeof(1e0)
typeof(JSON '1')
ifnull(1, 2)
nvl(1, 2)
iif(true, 1, 2)
current_user IS NOT NULL
current_catalog
current_timezone()
SELECT "$partition" FROM types

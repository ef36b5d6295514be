-- Dates, times, zones and intervals.
date_trunc('second', TIMESTAMP '2024-05-15 10:11:12.345')
date_trunc('minute', TIMESTAMP '2024-05-15 10:11:12.345678')
date_trunc('hour', TIMESTAMP '2024-05-15 10:11:12.345')
date_trunc('day', DATE '2024-03-15')
date_trunc('week', DATE '2024-03-15')
date_trunc('month', DATE '2024-03-15')
date_trunc('quarter', TIMESTAMP '2024-05-15 10:11:12.345')
date_trunc('year', TIMESTAMP '2024-05-15 10:11:12 Europe/Zurich')
date_trunc('day', TIMESTAMP '2024-03-31 12:00:00 Europe/Zurich')
date_trunc('hour', TIMESTAMP '2024-10-27 02:30:00 Europe/Zurich')
date_trunc('hour', DATE '2024-03-15')
date_trunc('fortnight', DATE '2024-03-15')
date_trunc('MONTH', DATE '2024-03-15')
date_trunc('month', '2024-03-15')
date_trunc('week', DATE '1969-12-28')
date_diff('month', DATE '2024-01-31', DATE '2024-02-29')
date_diff('month', DATE '2024-02-29', DATE '2024-01-31')
date_diff('month', DATE '2024-01-30', DATE '2024-02-29')
date_diff('month', TIMESTAMP '2024-01-15 10:00:00', TIMESTAMP '2024-02-15 09:00:00')
date_diff('day', TIMESTAMP '2024-01-01 23:00:00', TIMESTAMP '2024-01-02 22:00:00')
date_diff('day', TIMESTAMP '2024-01-02 22:00:00', TIMESTAMP '2024-01-01 23:00:00')
date_diff('hour', TIMESTAMP '2024-01-01 23:59:00', TIMESTAMP '2024-01-02 00:58:00')
date_diff('week', DATE '2024-01-01', DATE '2024-01-15')
date_diff('week', DATE '2024-01-15', DATE '2024-01-02')
date_diff('quarter', DATE '2023-12-31', DATE '2024-03-31')
date_diff('year', DATE '2024-02-29', DATE '2025-02-28')
date_diff('hour', DATE '2024-01-01', DATE '2024-01-02')
date_diff('second', TIMESTAMP '2024-01-01 00:00:00.999', TIMESTAMP '2024-01-01 00:00:01.001')
date_diff('millisecond', TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-01 00:00:00.0015')
date_diff('day', DATE '2024-01-01', TIMESTAMP '2024-01-03 12:00:00')
date_diff('day', TIMESTAMP '2024-03-30 12:00:00 Europe/Zurich', TIMESTAMP '2024-03-31 12:00:00 Europe/Zurich')
date_diff('hour', TIMESTAMP '2024-03-30 12:00:00 Europe/Zurich', TIMESTAMP '2024-03-31 12:00:00 Europe/Zurich')
date_add('month', 1, DATE '2024-01-31')
date_add('month', -1, DATE '2024-03-31')
date_add('year', 1, DATE '2024-02-29')
date_add('week', 2, DATE '2024-02-29')
date_add('quarter', 1, TIMESTAMP '2024-01-31 01:02:03.456')
date_add('hour', 1, DATE '2024-01-31')
date_add('day', 1.5, DATE '2024-01-31')
date_add('second', 90, TIMESTAMP '2024-01-01 00:00:00')
date_add('millisecond', 5, TIMESTAMP '2024-01-01 00:00:00.123')
date_add('millisecond', 5, TIMESTAMP '2024-01-01 00:00:00')
date_add('day', 1, TIMESTAMP '2024-03-30 12:00:00 Europe/Zurich')
date_add('hour', 24, TIMESTAMP '2024-03-30 12:00:00 Europe/Zurich')
date_add('day', 1, '2024-01-31')
date_add('day', 3000000, DATE '2024-01-01')
DATE '2024-01-31' + INTERVAL '1' MONTH
DATE '2024-01-31' - INTERVAL '1' DAY
DATE '2024-01-31' + INTERVAL '1' HOUR
DATE '2024-01-31' + INTERVAL '24' HOUR
DATE '2024-01-31' + 1
DATE '2024-01-31' - DATE '2024-01-01'
TIMESTAMP '2024-01-31 00:00:00' + INTERVAL '1' HOUR
TIMESTAMP '2024-01-31 00:00:00' - INTERVAL '1' YEAR
TIMESTAMP '2024-01-31 00:00:00.123456' + INTERVAL '1' SECOND
TIMESTAMP '2024-01-31 10:00:00' - TIMESTAMP '2024-01-30 09:00:00'
TIMESTAMP '2024-03-31 01:30:00 Europe/Zurich' + INTERVAL '1' HOUR
TIMESTAMP '2024-03-30 02:30:00 Europe/Zurich' + INTERVAL '1' DAY
TIMESTAMP '2024-02-29 02:30:00 Europe/Zurich' + INTERVAL '1' MONTH
INTERVAL '2' DAY
INTERVAL '3' MONTH
INTERVAL '1' YEAR
INTERVAL '-1' DAY
- INTERVAL '1' DAY
INTERVAL '1' DAY * 3
INTERVAL '1' DAY * 1.5
INTERVAL '1' DAY / 2
INTERVAL '1' DAY + INTERVAL '1' HOUR
INTERVAL '1' DAY + INTERVAL '1' MONTH
INTERVAL '1 02:03:04' DAY TO SECOND
INTERVAL '02:03' HOUR TO MINUTE
INTERVAL '1-2' YEAR TO MONTH
INTERVAL '2' WEEK
INTERVAL '1.5' SECOND
INTERVAL 'x' DAY
format_datetime(TIMESTAMP '2024-03-05 04:05:06.789', 'yyyy-MM-dd HH:mm:ss.SSS')
date_format(TIMESTAMP '2024-03-05 14:05:06.789', '%Y-%m-%d %H:%i:%s.%f')
date_format(TIMESTAMP '2024-03-05 04:05:06', '%W %M %e %y %j %p %r %T')
date_format(TIMESTAMP '2024-03-05 00:05:06', '%h %I %l %k')
date_format(DATE '2024-03-05', '%d/%m/%Y')
date_format(TIMESTAMP '2024-03-05 04:05:06', '%x-%v %a %b %c %%')
date_format(TIMESTAMP '2024-03-05 04:05:06', '%D')
date_format(TIMESTAMP '2024-03-05 04:05:06', '%u')
date_format(TIMESTAMP '2024-03-05 04:05:06', '%S%I%q')
date_format('2024-03-05', '%Y')
date_format(TIMESTAMP '2024-03-05 04:05:06 Europe/Zurich', '%H:%i')
date_parse('2024-03-05 14:05:06', '%Y-%m-%d %H:%i:%s')
date_parse('05/Mar/24', '%d/%b/%y')
date_parse('2024-13-05', '%Y-%m-%d')
date_parse('2024-03-05', '%Y-%m-%d %H')
date_parse('2024-03-05x', '%Y-%m-%d')
date_parse('5/3/2024', '%e/%c/%Y')
date_parse('2024-03-05 02:05 PM', '%Y-%m-%d %h:%i %p')
date_parse('2024-03-05 14:05:06.789', '%Y-%m-%d %H:%i:%s.%f')
typeof(date_parse('2024', '%Y'))
parse_datetime('2024-03-05 14:05', 'yyyy-MM-dd HH:mm')
from_iso8601_timestamp('2024-03-05T14:05:06.789Z')
from_iso8601_timestamp('2024-03-05T14:05:06+02:00')
from_iso8601_timestamp('2024-03-05T14:05:06-05:30')
from_iso8601_timestamp('2024-03-05T14:05:06')
from_iso8601_timestamp('2024-03-05')
from_iso8601_timestamp('2024-03')
from_iso8601_timestamp('2024-W10')
from_iso8601_timestamp('2024-03-05 14:05:06')
from_iso8601_timestamp_nanos('2024-03-05T14:05:06.123456789Z')
from_iso8601_date('2024-03-05')
from_iso8601_date('2024-065')
from_iso8601_date('2024-W10-2')
from_iso8601_date('x')
to_iso8601(TIMESTAMP '2024-03-05 14:05:06.789')
TIMESTAMP '2024-03-05 14:05:06' AT TIME ZONE 'Europe/Zurich'
TIMESTAMP '2024-07-05 14:05:06 UTC' AT TIME ZONE 'America/New_York'
TIMESTAMP '2037-07-05 14:05:06 UTC' AT TIME ZONE 'America/New_York'
TIMESTAMP '2038-07-05 14:05:06 UTC' AT TIME ZONE 'America/New_York'
TIMESTAMP '2050-10-30 01:30:00 UTC' AT TIME ZONE 'Europe/Zurich'
TIMESTAMP '12050-07-10 00:00:00 UTC' AT TIME ZONE 'Europe/Zurich'
ARRAY[TIMESTAMP '2050-07-10 00:00:00 UTC' AT TIME ZONE 'Europe/Zurich', NULL]
TIMESTAMP '2024-07-05 14:05:06 UTC' AT TIME ZONE '+02:00'
TIMESTAMP '2024-07-05 14:05:06 UTC' AT TIME ZONE 'Nowhere/Land'
TIMESTAMP '2024-03-05 14:05:06 +02:00'
TIMESTAMP '2024-03-05 14:05:06 +02'
TIMESTAMP '2024-03-31 02:30:00 Europe/Zurich'
with_timezone(TIMESTAMP '2024-03-05 02:30:00', 'Europe/Zurich')
at_timezone(TIMESTAMP '2024-03-05 14:05:06 UTC', 'Asia/Kolkata')
timezone_hour(TIMESTAMP '2024-03-05 14:05:06 Asia/Kolkata')
timezone_minute(TIMESTAMP '2024-03-05 14:05:06 Asia/Kolkata')
EXTRACT(YEAR FROM DATE '2024-03-05')
EXTRACT(DOW FROM DATE '2024-03-03')
EXTRACT(DOY FROM DATE '2024-03-05')
EXTRACT(WEEK FROM DATE '2024-12-30')
EXTRACT(YEAR_OF_WEEK FROM DATE '2024-12-30')
EXTRACT(YOW FROM DATE '2021-01-03')
EXTRACT(SECOND FROM TIMESTAMP '2024-03-05 14:05:06.789')
EXTRACT(HOUR FROM TIMESTAMP '2024-03-05 14:05:06 Europe/Zurich')
EXTRACT(HOUR FROM DATE '2024-03-05')
EXTRACT(EPOCH FROM TIMESTAMP '2024-03-05 14:05:06.789')
EXTRACT(TIMEZONE_HOUR FROM TIMESTAMP '2024-03-05 14:05:06 Asia/Kolkata')
EXTRACT(DAY FROM INTERVAL '49' HOUR)
EXTRACT(MONTH FROM INTERVAL '14' MONTH)
year(INTERVAL '14' MONTH)
hour(INTERVAL '49' HOUR)
second(INTERVAL '1.5' SECOND)
millisecond(INTERVAL '1.5' SECOND)
year(DATE '2024-03-05')
month('2024-03-05')
quarter(DATE '2024-12-05')
day_of_week(DATE '2024-03-03')
day_of_year(DATE '2024-12-31')
week(DATE '2021-01-03')
week_of_year(DATE '2021-01-03')
yow(DATE '2021-01-03')
minute(TIMESTAMP '2024-03-05 14:05:06.789')
millisecond(TIMESTAMP '2024-03-05 14:05:06.789')
last_day_of_month(DATE '2024-02-01')
last_day_of_month(TIMESTAMP '2024-02-01 10:00:00')
from_unixtime(1709647506)
from_unixtime(1709647506.789)
from_unixtime(1709647506.7895e0)
from_unixtime(-1.5)
from_unixtime(1709647506, 'Europe/Zurich')
from_unixtime(1709647506, 2, 30)
from_unixtime(nan())
from_unixtime_nanos(1709647506123456789)
to_unixtime(TIMESTAMP '2024-03-05 14:05:06.789')
to_unixtime(TIMESTAMP '2024-03-05 14:05:06.789 UTC')
to_unixtime(DATE '2024-03-05')
TIMESTAMP '2024-03-05 14:05:06.123456'
TIMESTAMP '2024-03-05 14:05:06.123456789'
TIMESTAMP '2024-03-05'
TIMESTAMP '2024-03-05 14:05'
TIMESTAMP '2024-02-30 00:00:00'
DATE '2024-02-30'
DATE '2024-3-5'
DATE 'x'
typeof(TIMESTAMP '2024-03-05 14:05:06.123456')
typeof(TIMESTAMP '2024-03-05 14:05:06')
typeof(TIMESTAMP '2024-03-05 14:05:06.1 UTC')
typeof(TIMESTAMP '2024-03-05 14:05:06' + INTERVAL '1' DAY)
typeof(date_trunc('day', TIMESTAMP '2024-03-05 14:05:06.123456'))
date('2024-03-05')
date(TIMESTAMP '2024-03-05 23:59:59')
date('x')
now() = current_timestamp
current_date = CAST(current_timestamp AS date)
current_timestamp(6) IS NULL
localtimestamp IS NULL
localtime IS NULL
to_milliseconds(INTERVAL '1.5' SECOND)
human_readable_seconds(96)
parse_duration('42.8ms')
datediff(DATE '2024-03-05', DATE '2024-03-01')
getdate()
to_date('2024-03-05', 'yyyy-mm-dd')
to_char(TIMESTAMP '2024-03-05 04:05:06', 'yyyy-mm-dd hh24:mi:ss')
to_timestamp('2024-03-05', 'yyyy-mm-dd')
strftime(DATE '2024-03-05', '%Y')
make_date(2024, 3, 5)
year('2024')
DATE('2024-01-01') + INTERVAL 1 DAY
date_parse('2024', '%Y')
date_parse(CAST(2024 AS varchar), '%Y')
date_parse(CAST(20240315 AS varchar), '%Y%m%d')
date_parse('1.5', '%Y')
SELECT date_parse(CAST(x AS varchar), '%Y') FROM (VALUES 2024, 5, -1) t(x)
date_parse('-2024-01-01', '%Y-%m-%d')
date_parse('+5', '%Y')
date_parse('+2024-02-29', '%Y-%m-%d')
date_parse('-2023-02-29', '%Y-%m-%d')
date_parse('-12345', '%Y')
date_parse('12345', '%Y')
date_parse('-5-3', '%Y-%c')
date_parse('-5', '%m')
date_parse('-', '%Y')
date_parse('-0', '%Y')
date_parse('-1', '%y')
date_parse('-1', '%d')
date_parse('-20240101', '%Y%m%d')
TRY(date_parse('-5', '%m'))
TRY(date_parse('-5', '%Y'))
SELECT TIMESTAMP '9999-12-31 23:59:59.999' + INTERVAL '1' DAY
SELECT TIMESTAMP '0001-01-01 00:00:00.000'
SELECT TIMESTAMP '0001-01-01 00:00:00.000' - INTERVAL '1' DAY
SELECT TIMESTAMP '0001-01-01 00:00:00.000' - INTERVAL '500' YEAR
SELECT DATE '0001-01-01' - INTERVAL '1' DAY
SELECT array_agg(x) FROM (VALUES TIMESTAMP '0001-01-01 00:00:00.000' - INTERVAL '1' DAY) t(x)
day(DATE '2024-03-15'), day(TIMESTAMP '2024-03-15 01:02:03')
day_of_month(DATE '2024-02-29'), day_of_month(NULL)
dow(DATE '2024-03-17'), doy(DATE '2024-12-31')
year_of_week(DATE '2024-12-30'), year_of_week(TIMESTAMP '2021-01-03 00:00:00')
-- what strptime would read in its own way
date_parse('Infinity', '%Y-%m-%d')
date_parse('epoch', '%d')
date_parse(' 2024-03-15', '%Y-%m-%d')
date_parse('2024-03-15 ', '%Y-%m-%d')
date_parse('2024-03-15  10', '%Y-%m-%d %H')
date_parse('-5-1-1 ', '%Y-%m-%d')
date_parse('-5-3 2', '%Y-%c %e')
date_parse('2-29', '%m-%d')
date_parse('7', '%d')
date_parse('Mar', '%b')
date_parse('10:11', '%H:%i')
date_parse('PM', '%p')
date_parse('12:05', '%h:%i')
date_parse('12:05 PM', '%h:%i %p')
date_parse('69-01', '%y-%m')
date_parse('70', '%y')
date_parse('2023 366', '%Y %j')
date_parse('', '')
-- greatest and least beside NULL
SELECT ROW(greatest(bi % 0, NULL)) FROM types
SELECT least(i, CAST(s AS integer)) FROM types

-- Arithmetic: result types, rounding, overflow. A line is an expression or a statement.
7 / 2
-7 / 2
7 % -3
-7 % 3
7 / 2.0
7 / 2e0
5 + 2.50
5 - CAST(2 AS bigint)
typeof(CAST(1 AS tinyint) + CAST(1 AS smallint))
CAST(100 AS tinyint) * CAST(2 AS tinyint)
CAST(30000 AS smallint) + CAST(30000 AS smallint)
2147483647 + 1
2147483647 * 2
-2147483647 - 2
9223372036854775807 + 1
9223372036854775807 * 2
-9223372036854775807 - 2
(-2147483647 - 1) / -1
-(-2147483647 - 1)
abs(-9223372036854775807 - 1)
abs(CAST(-128 AS tinyint))
9223372036854775808
0b101
0x1F
1_000
1 / 0
1 % 0
1.0 / 0
1.5 % 0
1e0 / 0
-1e0 / 0
0e0 / 0
0e0 % 0
5.55 % 2.1
-7.5 % 2
mod(7, 3)
mod(-7.5, 2)
mod(7e0, 2)
1.10 + 2.255
1.10 - 2.255
1.10 * 2.255
typeof(1.10 + 2.255)
typeof(1.10 * 2.255)
typeof(1.10 % 2.255)
typeof(1.10 + 1)
typeof(CAST(1 AS bigint) + 1.5)
typeof(0.001)
typeof(000.5)
typeof(.5)
DECIMAL '99999999999999999999999999999999999999' + DECIMAL '1'
DECIMAL '99999999999999999999.99' * DECIMAL '99999999999999.99'
DECIMAL '12345678901234567890.123456789012345678' * DECIMAL '1.5'
DECIMAL '-0.00'
-DECIMAL '5.50'
DECIMAL '0.1' + 0.2e0
1.1 = 1.1e0
1.10 = 1.1
0.1e0 + 0.2e0
REAL '0.1' + REAL '0.2'
REAL '1' / 3
typeof(REAL '1' + 1)
typeof(REAL '1' + 1.5)
typeof(REAL '1' + 1e0)
REAL '16777216' + REAL '1'
CAST(REAL '0.1' AS double)
REAL '0.1' = 0.1
REAL '0.5' = 0.5e0
1e7
1e-3
1e-4
12345678.9e0
100e0
1.7976931348623157E308
4.9E-324
-0e0
1e0
REAL '3.4e38' * 10
round(2.5)
round(-2.5)
round(2.5e0)
round(-0e0)
round(REAL '-0', 2)
round(0e0, CAST(NULL AS integer))
CAST(round(REAL '0' * -1) AS varchar)
round(-0.5e0)
round(3.5e0)
round(0.49999999999999994e0)
round(1234.567, 1)
round(1234.567, -2)
round(1234.567, 5)
round(2.345e0, 2)
round(-2.345e0, 2)
round(1.005e0, 2)
round(1234567.891e0, -3)
round(REAL '2.345', 2)
round(5, -1)
round(15, -1)
round(-15, -1)
round(2147483647, -1)
round(CAST(127 AS tinyint), -1)
round(1e300, 2)
round(nan(), 2)
round(infinity())
round(99.99, 1)
typeof(round(2.55, 1))
typeof(round(2.55))
typeof(round(99.99))
typeof(round(CAST(1 AS tinyint)))
floor(-1.5)
ceil(-1.5)
ceiling(1.2e0)
floor(REAL '-1.5')
floor(7)
typeof(floor(9.99))
typeof(ceil(9.99))
truncate(-1.7e0)
truncate(1234.567, 2)
truncate(1234.567)
truncate(REAL '-1.7')
truncate(1234.567, -2)
typeof(truncate(99.99))
sign(-2.5)
sign(-3)
sign(-0e0)
sign(nan())
sign(REAL '-2')
abs(-1.50)
abs(-2e0)
abs(REAL '-2')
typeof(abs(-1.50))
sqrt(2)
sqrt(-1)
cbrt(27)
cbrt(-8)
power(2, 10)
power(2, -1)
power(0, -1)
power(-8, 0.5)
pow(2.5, 2)
exp(1)
exp(1000)
ln(10)
ln(0)
ln(-1)
log2(8)
log10(1000)
log10(-1)
log(2, 8)
log(10, 0)
pi()
e()
sin(1)
cos(1)
tan(1)
asin(1)
asin(2)
acos(2)
atan(1)
atan2(1, 2)
sinh(1)
cosh(1)
tanh(1)
degrees(pi())
radians(180)
nan() = nan()
nan() <> nan()
nan() > infinity()
nan() < 1e0
NOT (nan() = nan())
nan() IN (nan())
nan() IN (1e0, nan())
nan() NOT IN (nan())
nan() BETWEEN 0 AND 1
nan() IS DISTINCT FROM nan()
nan() IS NOT DISTINCT FROM nan()
is_nan(0e0 / 0)
is_nan(REAL 'NaN')
is_finite(infinity())
is_infinite(-infinity())
greatest(1, 2.5, 3)
greatest(1, NULL, 2)
greatest(nan(), 1e0)
greatest(1e0, nan())
least(nan(), 1e0)
least(1e0, nan())
greatest(nan(), nan())
greatest(REAL 'NaN', REAL '1')
least(3, 2, 1)
greatest('a', 'B')
greatest(DATE '2024-01-29', DATE '2024-02-02')
greatest(TIMESTAMP '2024-01-29 00:00:00', DATE '2024-02-02')
greatest(true, false)
greatest(ARRAY[1], ARRAY[2])
least(1)
greatest()
bitwise_and(12, 10)
bitwise_or(12, 10)
bitwise_xor(12, 10)
bitwise_not(12)
bitwise_left_shift(1, 3)
bitwise_right_shift(-8, 1)
bitwise_right_shift_arithmetic(-8, 1)
bit_count(9, 64)
width_bucket(3.5e0, 0, 10, 5)
width_bucket(-1e0, 0, 10, 5)
width_bucket(11e0, 0, 10, 5)
width_bucket(5e0, 10, 0, 5)
width_bucket(10e0, 0, 10, 5)
width_bucket(1e0, 0, 10, 0)
width_bucket(1e0, 3, 3, 5)
width_bucket(nan(), 0, 10, 5)
width_bucket(3e0, ARRAY[1e0, 2e0, 4e0])
width_bucket(3e0, ARRAY[4e0, 2e0])
to_base(255, 16)
to_base(-255, 2)
from_base('ff', 16)
from_base('zz', 16)
from_base('11', 37)
rand() < 1
random(5) < 5
CAST(1 AS integer) = 1.0
1 = 1.0
1 = '1'
'5' > 3
+5
- 5 % 3
-(-5)
5.0 / 2 * 2
100 * 1 / 3
cosine_similarity(MAP(ARRAY['a'], ARRAY[1e0]), MAP(ARRAY['a'], ARRAY[2e0]))
normal_cdf(0, 1, 1.96)
inverse_normal_cdf(0, 1, 0.5)
beta_cdf(2, 5, 0.5)
wilson_interval_lower(1, 2, 1.96)
width_bucket(3.5, 0, 10, 5)
SELECT -(-x) FROM (VALUES CAST(-32768 AS smallint)) t(x)
SELECT -(-CAST(-32768 AS smallint))
SELECT -(-32768)
- (- 5)
-(-(CAST(5 AS tinyint)))
SELECT -(-x) FROM (VALUES -9223372036854775808) t(x)
SELECT -(-(-x)) FROM (VALUES CAST(-128 AS tinyint)) t(x)
SELECT -x FROM (VALUES CAST(-128 AS tinyint)) t(x)
SELECT -(-(x + 0)) FROM (VALUES CAST(-32768 AS smallint)) t(x)
SELECT 0 - (-x) FROM (VALUES CAST(-32768 AS smallint)) t(x)
uuid()

/* CSV records to Arrow columns, for the texts that most files hold.

   lakelanes.convert.kernel calls this. Where anything is unusual (a field too many, a text that is not plainly of its
   type, bytes that are not UTF-8) the record is only marked as odd: Python reads it again, decides, and gives the
   reason. So nothing here may accept a text, or give it a value, that lakelanes.convert.values does not.

   What counts as a record is what lakelanes.convert.records says. Every access is within data[0, length) and within the
   capacities that the caller names; text copies may read up to data[0, readable). */

#define _GNU_SOURCE
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define EXPORT __attribute__((visibility("default")))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Raised whenever the meaning of an argument changes; lakelanes.convert.kernel asks for it. */
#define INTERFACE 1

/* A field: its offset in the low 32 bits, then its length in 30 and two flags. Both include the quotes around it. */
#define QUOTED ((uint64_t)1 << 63)
#define DOUBLED ((uint64_t)1 << 62)
#define FIELD(start, end) ((uint64_t)(uint32_t)(start) | (uint64_t)((end) - (start)) << 32)
#define MAX_BYTES ((int64_t)1 << 30)
/* Columns are filled this many records at a time, so that the bytes of a slice stay in the processor's cache. */
#define SLICE 512

enum { TOO_MANY_RECORDS = -1, TORN = -2 };
enum kind { EMPTY, BYTES, TEXT, INT8, INT16, INT32, INT64, DECIMAL, FLOAT, DOUBLE, BOOLEAN, DATE, TIMESTAMP };

/* A block of whole records, and what is found out about it. fields is column-major: `capacity` fields of the first column,
   then those of the second, and so on. */
typedef struct {
    const uint8_t *data;
    int64_t length, readable;
    int32_t width;
    int32_t delimiter, quote; /* quote: -1 for none */
    int32_t keep_blank;
    int64_t capacity;
    uint64_t *fields;
    uint32_t *ends;  /* of each record: the offset of its line end */
    uint32_t *lines; /* of each record: how many physical lines end before it */
    uint8_t *odd;    /* of each record: whether Python has to look at it */
    int64_t *bytes;  /* of each column: the length of all its fields */
    int64_t line_count;
    int32_t ascii;
} Block;

/* A column to make. values and offsets are Arrow's buffers; validity's bits are 0 where odd or null. */
typedef struct {
    int32_t kind;
    int32_t position;
    int32_t precision, scale; /* of a decimal; precision is the longest text, in characters, of TEXT (0: any) */
    uint8_t *validity;
    int32_t *offsets;
    uint8_t *values;
    int64_t null_count;
    int64_t written; /* bytes of TEXT and BYTES so far */
} Column;

typedef struct {
    const uint8_t *text;
    int32_t length;
} Null;

EXPORT int32_t lakelanes_interface(void) { return INTERFACE; }

static uint64_t special(const uint8_t *p, uint8_t delimiter, uint8_t quote, uint64_t *high) {
#if defined(__SSE2__)
    const __m128i d = _mm_set1_epi8((char)delimiter), q = _mm_set1_epi8((char)quote);
    const __m128i n = _mm_set1_epi8('\n'), r = _mm_set1_epi8('\r');
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(p + 16 * i));
        const __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, d), _mm_cmpeq_epi8(x, q)),
                                         _mm_or_si128(_mm_cmpeq_epi8(x, n), _mm_cmpeq_epi8(x, r)));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
        *high |= (uint32_t)_mm_movemask_epi8(x);
    }
    return mask;
#else
    uint64_t mask = 0;
    uint8_t any = 0;
    for (int i = 0; i < 64; i++) {
        const uint8_t c = p[i];
        mask |= (uint64_t)((c == delimiter) | (c == quote) | (c == '\n') | (c == '\r')) << i;
        any |= c;
    }
    *high |= any & 0x80;
    return mask;
#endif
}

/* Finds the records and their fields. Returns how many records there are, TORN when the bytes end inside quotes, or
   TOO_MANY_RECORDS for the capacity. */
EXPORT int64_t lakelanes_index(Block *block) {
    const uint8_t *data = block->data;
    const int64_t length = block->length, capacity = block->capacity;
    const int32_t width = block->width;
    const uint8_t delimiter = (uint8_t)block->delimiter;
    /* Without a quote, the delimiter stands in for it: it is found anyhow, and looked at as a delimiter first. */
    const int has_quote = block->quote >= 0;
    const uint8_t quote = has_quote ? (uint8_t)block->quote : delimiter;
    uint64_t *fields = block->fields;
    uint64_t high = 0, flags = 0;
    int64_t records = 0, start = 0, record = 0, skip = -1, closed = -1, lines = 0, line = 0;
    int32_t field = 0;
    int odd = 0, quoted = 0;
    uint8_t tail[64];

    if (length > MAX_BYTES) return TOO_MANY_RECORDS;
    if (capacity < 1) return TOO_MANY_RECORDS;
    memset(block->bytes, 0, sizeof(int64_t) * (size_t)width);

    /* One step past the end: a last record without a line end gets one. */
    const int64_t stop = length > 0 && data[length - 1] != '\n' && data[length - 1] != '\r' ? length + 1 : length;
    for (int64_t at = 0; at < stop; at += 64) {
        const uint8_t *p = data + at;
        if (at + 64 > length) {
            memset(tail, 0, sizeof tail);
            if (at < length) memcpy(tail, p, (size_t)(length - at));
            if (stop > length) tail[length - at] = '\n';
            p = tail;
        }
        uint64_t mask = special(p, delimiter, quote, &high);
        while (mask) {
            const int bit = __builtin_ctzll(mask);
            const int64_t pos = at + bit;
            const uint8_t c = p[bit];
            mask &= mask - 1;
            if (unlikely(quoted)) {
                if (pos == length) return TORN;
                if (has_quote && c == quote) {
                    if (pos == skip) continue;
                    if (pos + 1 < length && data[pos + 1] == quote) {
                        flags |= DOUBLED;
                        skip = pos + 1;
                    } else {
                        quoted = 0;
                        closed = pos;
                    }
                } else if (c == '\n' || (c == '\r' && !(pos + 1 < length && data[pos + 1] == '\n'))) {
                    lines++;
                }
                continue;
            }
            if (unlikely(pos == skip)) continue;
            if (has_quote && c == quote) {
                if (pos == start) {
                    quoted = 1;
                    flags = QUOTED;
                }
                continue;
            }
            /* A field ends here. Text after its closing quote belongs to it, which is for Python to sort out. */
            if (unlikely(flags) && closed != pos - 1) odd = 1;
            if (c == delimiter) {
                if (likely(field < width)) {
                    fields[field * capacity + records] = FIELD(start, pos) | flags;
                    block->bytes[field] += pos - start;
                }
                field++;
                start = pos + 1;
                flags = 0;
                closed = -1;
                continue;
            }
            /* A line ends here, and so does a record, unless it is blank. */
            if (pos > record || block->keep_blank) {
                if (likely(field < width)) {
                    fields[field * capacity + records] = FIELD(start, pos) | flags;
                    block->bytes[field] += pos - start;
                }
                if (unlikely(field != width - 1)) odd = 1;
                block->ends[records] = (uint32_t)pos;
                block->lines[records] = (uint32_t)line;
                block->odd[records] = (uint8_t)odd;
                records++;
            }
            start = pos + 1;
            if (c == '\r' && start < length && data[start] == '\n') skip = start++;
            record = start;
            line = pos < length ? ++lines : lines;
            field = 0;
            flags = 0;
            odd = 0;
            closed = -1;
            if (unlikely(records == capacity) && start < length) return TOO_MANY_RECORDS;
        }
    }
    if (quoted) return TORN;
    block->line_count = lines;
    block->ascii = high == 0;
    return records;
}

static int is_null(const uint8_t *text, int64_t length, const Null *nulls, int32_t count) {
    for (int32_t i = 0; i < count; i++)
        if (nulls[i].length == length && memcmp(nulls[i].text, text, (size_t)length) == 0) return 1;
    return 0;
}

/* How many characters there are, or -1 for what is not UTF-8 as RFC 3629 has it. */
static int64_t utf8_characters(const uint8_t *p, int64_t length) {
    int64_t i = 0, count = 0;
    while (i < length) {
        const uint8_t c = p[i];
        int more;
        uint8_t low = 0x80, top = 0xBF;
        if (c < 0x80) more = 0;
        else if (c < 0xC2) return -1;
        else if (c < 0xE0) more = 1;
        else if (c < 0xF0) {
            more = 2;
            if (c == 0xE0) low = 0xA0;
            if (c == 0xED) top = 0x9F;
        } else if (c < 0xF5) {
            more = 3;
            if (c == 0xF0) low = 0x90;
            if (c == 0xF4) top = 0x8F;
        } else return -1;
        if (i + more >= length) return -1;
        for (int k = 1; k <= more; k++) {
            const uint8_t d = p[i + k];
            if (d < low || d > top) return -1;
            low = 0x80;
            top = 0xBF;
        }
        i += more + 1;
        count++;
    }
    return count;
}

static int all_ascii(const uint8_t *p, int64_t length) {
    uint64_t any = 0, word;
    int64_t i = 0;
    for (; i + 8 <= length; i += 8) {
        memcpy(&word, p + i, 8);
        any |= word;
    }
    for (; i < length; i++) any |= p[i];
    return (any & 0x8080808080808080u) == 0;
}

static int digit(uint8_t c) { return (uint8_t)(c - '0') <= 9; }

/* [+-]digits[.digits] as an integer times 10^scale; 0 when the text is of another form or has more than `most` digits.
   Zeros beyond the scale are left to Python. */
static int fixed_point(const uint8_t *p, int64_t length, int scale, int most, unsigned __int128 *value, int *negative) {
    const uint8_t *end = p + length;
    *negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    while (p + 2 < end && *p == '0' && (digit(p[1]) || p[1] == '.')) p++;
    if (end - p > most + 1) return 0;
    uint64_t small = 0;
    unsigned __int128 large = 0;
    int digits = 0, places = -1;
    for (; p < end; p++) {
        if (likely(digit(*p))) {
            if (++digits <= 18) small = small * 10 + (uint64_t)(*p - '0');
            else large = (digits == 19 ? small : large) * 10 + (uint8_t)(*p - (uint8_t)0x30);
            if (places >= 0) places++;
        } else if (*p == '.' && places < 0 && scale >= 0) {
            places = 0;
        } else return 0;
    }
    if (places < 0) places = 0;
    if (digits == 0 || (scale >= 0 && places > scale)) return 0;
    if (digits > 18) small = 0;
    else large = 0;
    for (int missing = (scale > 0 ? scale : 0) - places; missing > 0; missing--) {
        if (digits == 0 || ++digits > most) return 0;
        if (digits <= 18) small *= 10;
        else large = (digits == 19 ? small : large) * 10;
    }
    if (digits > most) return 0;
    *value = digits > 18 ? large : small;
    return 1;
}

/* fixed_point() for values of at most 18 digits: the same texts, quicker. */
static int short_fixed_point(const uint8_t *p, int64_t length, int scale, int most, int64_t *value) {
    static const int64_t TENS[] = {1,
                                   10,
                                   100,
                                   1000,
                                   10000,
                                   100000,
                                   1000000,
                                   10000000,
                                   100000000,
                                   1000000000,
                                   10000000000,
                                   100000000000,
                                   1000000000000,
                                   10000000000000,
                                   100000000000000,
                                   1000000000000000,
                                   10000000000000000,
                                   100000000000000000,
                                   1000000000000000000};
    const uint8_t *end = p + length;
    const int negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    const uint8_t *begin = p;
    uint64_t whole = 0;
    unsigned d;
    if (end - p > 19) return 0;
    for (; p < end && (d = (unsigned)*p - '0') <= 9; p++) whole = whole * 10 + d;
    int64_t digits = p - begin, places = 0;
    if (p < end) {
        if (*p++ != '.' || scale < 0) return 0;
        begin = p;
        for (; p < end && (d = (unsigned)*p - '0') <= 9; p++) whole = whole * 10 + d;
        if (p < end) return 0;
        places = p - begin;
        if (places > scale) return 0;
    }
    if (digits + places == 0) return 0;
    const int64_t missing = scale > places ? scale - places : 0;
    if (digits + places + missing > 18) return 0;
    const int64_t magnitude = (int64_t)whole * TENS[missing];
    if (magnitude >= TENS[most]) return 0;
    *value = negative ? -magnitude : magnitude;
    return 1;
}

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static locale_t c_locale(void) {
    static locale_t made;
    locale_t found = __atomic_load_n(&made, __ATOMIC_ACQUIRE);
    if (!found) {
        found = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        __atomic_store_n(&made, found, __ATOMIC_RELEASE);
    }
    return found;
}

/* A number as the nearest double or float. Exact operands and one rounding where the digits are few (Clinger 1990,
   "How to read floating point numbers accurately"), else the C library's strtod, which rounds right as well. */
static int floating(const uint8_t *p, int64_t length, int is_float, double *value) {
    const uint8_t *begin = p, *end = p + length;
    uint64_t mantissa = 0;
    int digits = 0, significant = 0, places = 0, point = 0, exponent = 0;
    const int negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    for (; p < end; p++) {
        if (digit(*p)) {
            digits++;
            if (significant || *p != '0') significant++;
            if (significant <= 19) mantissa = mantissa * 10 + (uint64_t)(*p - '0');
            places += point;
        } else if (*p == '.' && !point) point = 1;
        else break;
    }
    if (!digits) return 0;
    if (p < end) {
        if (*p != 'e' && *p != 'E') return 0;
        int down = 0, some = 0;
        if (++p < end && (*p == '-' || *p == '+')) down = *p++ == '-';
        for (; p < end; p++, some = 1) {
            if (!digit(*p)) return 0;
            if (exponent < 100000) exponent = exponent * 10 + (*p - '0');
        }
        if (!some) return 0;
        if (down) exponent = -exponent;
    }
    const int scale = exponent - places;
    const uint64_t exact = is_float ? (uint64_t)1 << 24 : (uint64_t)1 << 53;
    const int far = is_float ? 10 : 22;
    if (significant <= 19 && mantissa <= exact && scale >= -far && scale <= far) {
        /* A float's quotient or product is computed as one of floats, or it would be rounded twice. */
        if (is_float) {
            const float m = (float)mantissa, power = (float)POWERS[scale < 0 ? -scale : scale];
            volatile float result = scale < 0 ? m / power : m * power;
            *value = result;
        } else {
            *value = scale < 0 ? (double)mantissa / POWERS[-scale] : (double)mantissa * POWERS[scale];
        }
        if (negative) *value = -*value;
    } else {
        char text[128];
        char *after;
        if (length >= (int64_t)sizeof text) return 0;
        memcpy(text, begin, (size_t)length);
        text[length] = 0;
        *value = is_float ? (double)strtof_l(text, &after, c_locale()) : strtod_l(text, &after, c_locale());
        if (after != text + length) return 0;
    }
    return isfinite(*value) && (!is_float || isfinite((float)*value));
}

static int two(const uint8_t *p) { return (p[0] - '0') * 10 + (p[1] - '0'); }

/* A month, as the first eight characters of its days: they often follow each other. */
typedef struct {
    uint64_t text;
    int32_t before, days; /* days from 1970-01-01 to its first, and how many it has */
} Month;

/* dddd-dd- as a month of the proleptic Gregorian calendar. */
static int month_of(const uint8_t *p, Month *month) {
    static const uint8_t LAST[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!(digit(p[0]) & digit(p[1]) & digit(p[2]) & digit(p[3]) & digit(p[5]) & digit(p[6]) & (p[4] == '-') & (p[7] == '-')))
        return 0;
    const int year = two(p) * 100 + two(p + 2), number = two(p + 5);
    if (year < 1 || number < 1 || number > 12) return 0;
    const int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    /* Years begin in March here, so that the leap day comes last. */
    const int y = year - (number <= 2), shifted = (number + 9) % 12;
    month->before = 365 * y + y / 4 - y / 100 + y / 400 + (153 * shifted + 2) / 5 - 719468;
    month->days = LAST[number - 1] + (leap && number == 2);
    memcpy(&month->text, p, 8);
    return 1;
}

/* dddd-dd-dd as days since 1970-01-01. */
static int date(const uint8_t *p, Month *month, int32_t *days) {
    uint64_t text;
    memcpy(&text, p, 8);
    if (unlikely(text != month->text) && !month_of(p, month)) return 0;
    const unsigned tens = (unsigned)p[8] - '0', ones = (unsigned)p[9] - '0', day = tens * 10 + ones;
    if (tens > 3 || ones > 9 || day < 1 || (int32_t)day > month->days) return 0;
    *days = month->before + (int32_t)day - 1;
    return 1;
}

/* dddd-dd-dd[( |T)dd:dd[:dd[.d{1,6}]][Z]] as microseconds since 1970-01-01. */
static int timestamp(const uint8_t *p, int64_t length, Month *month, int64_t *micros) {
    int32_t days;
    if (length < 10 || !date(p, month, &days)) return 0;
    *micros = (int64_t)days * 86400000000;
    if (length == 10) return 1;
    if (length > 16 && p[length - 1] == 'Z') length--;
    if (length != 16 && length != 19 && (length < 21 || length > 26)) return 0;
    if ((p[10] != ' ' && p[10] != 'T') || p[13] != ':') return 0;
    if (!(digit(p[11]) & digit(p[12]) & digit(p[14]) & digit(p[15]))) return 0;
    const int hour = two(p + 11), minute = two(p + 14);
    int second = 0;
    if (length > 16) {
        if (p[16] != ':' || !digit(p[17]) || !digit(p[18])) return 0;
        second = two(p + 17);
    }
    if (hour > 23 || minute > 59 || second > 59) return 0;
    int64_t fraction = 0;
    if (length > 19) {
        if (p[19] != '.') return 0;
        for (int64_t i = 20; i < 26; i++) {
            if (i < length && !digit(p[i])) return 0;
            fraction = fraction * 10 + (i < length ? p[i] - '0' : 0);
        }
    }
    *micros += ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + fraction;
    return 1;
}

/* true t yes y 1 and false f no n 0, in any case: 1, 0, or -1 for neither. */
static int boolean(const uint8_t *p, int64_t length) {
    static const char *const TEXTS[] = {"false", "f", "no", "n", "0", "true", "t", "yes", "y", "1"};
    char lower[6];
    if (length < 1 || length > 5) return -1;
    for (int64_t i = 0; i < length; i++) lower[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i]);
    lower[length] = 0;
    for (int i = 0; i < 10; i++)
        if (strcmp(lower, TEXTS[i]) == 0) return i >= 5;
    return -1;
}

static int integer(const uint8_t *p, int64_t length, int64_t lowest, int64_t highest, int64_t *value) {
    unsigned __int128 magnitude;
    int negative;
    if (likely(short_fixed_point(p, length, -1, 18, value))) return *value >= lowest && *value <= highest;
    if (!fixed_point(p, length, -1, 19, &magnitude, &negative)) return 0;
    const __int128 whole = negative ? -(__int128)magnitude : (__int128)magnitude;
    *value = (int64_t)whole;
    return whole >= lowest && whole <= highest;
}

/* Text without the quotes around it, doubled ones taken back. */
static int64_t undouble(const uint8_t *p, int64_t length, uint8_t quote, uint8_t *out) {
    int64_t kept = 0;
    for (int64_t i = 0; i < length; i++) {
        out[kept++] = p[i];
        if (p[i] == quote) i++;
    }
    return kept;
}

static void texts(const Block *block, int64_t first, int64_t last, Column *column, const Null *nulls,
                  int32_t null_count) {
    const uint8_t *data = block->data;
    const uint64_t *fields = block->fields + column->position * block->capacity;
    const int checked = column->kind == TEXT, only_empty = null_count == 1 && nulls[0].length == 0;
    int64_t written = column->written;
    for (int64_t i = first; i < last; i++) {
        if (unlikely(block->odd[i])) goto missing;
        const uint64_t field = fields[i];
        int64_t length = (int64_t)(field >> 32 & 0x3FFFFFFF);
        const uint8_t *p = data + (uint32_t)field;
        if (unlikely(field & QUOTED)) {
            p++;
            length -= 2;
            if (field & DOUBLED) length = undouble(p, length, (uint8_t)block->quote, column->values + written);
            else memcpy(column->values + written, p, (size_t)length);
        } else {
            if (only_empty ? length == 0 : is_null(p, length, nulls, null_count)) goto missing;
            if (length <= 16 && p + 16 <= data + block->readable) memcpy(column->values + written, p, 16);
            else memcpy(column->values + written, p, (size_t)length);
        }
        if (checked && (!block->ascii || column->precision)) {
            const uint8_t *text = column->values + written;
            const int64_t count = block->ascii || all_ascii(text, length) ? length : utf8_characters(text, length);
            if (count < 0 || (column->precision && count > column->precision)) {
                block->odd[i] = 1;
                goto missing;
            }
        }
        written += length;
        column->validity[i >> 3] |= (uint8_t)(1 << (i & 7));
        column->offsets[i + 1] = (int32_t)written;
        continue;
    missing:
        column->null_count++;
        column->offsets[i + 1] = (int32_t)written;
    }
    column->written = written;
}

static int value_into(const Column *column, Month *month, int64_t i, const uint8_t *p, int64_t length) {
    int64_t whole;
    double real;
    switch (column->kind) {
    case EMPTY:
        return 0;
    case INT8:
        if (!integer(p, length, INT8_MIN, INT8_MAX, &whole)) return 0;
        ((int8_t *)column->values)[i] = (int8_t)whole;
        return 1;
    case INT16:
        if (!integer(p, length, INT16_MIN, INT16_MAX, &whole)) return 0;
        ((int16_t *)column->values)[i] = (int16_t)whole;
        return 1;
    case INT32:
        if (!integer(p, length, INT32_MIN, INT32_MAX, &whole)) return 0;
        ((int32_t *)column->values)[i] = (int32_t)whole;
        return 1;
    case INT64:
        if (!integer(p, length, INT64_MIN, INT64_MAX, &whole)) return 0;
        ((int64_t *)column->values)[i] = whole;
        return 1;
    case DECIMAL: {
        unsigned __int128 magnitude;
        int negative;
        if (column->precision <= 18 && likely(short_fixed_point(p, length, column->scale, column->precision, &whole))) {
            const int64_t words[] = {whole, whole >> 63};
            memcpy(column->values + 16 * i, words, 16);
            return 1;
        }
        if (!fixed_point(p, length, column->scale, column->precision, &magnitude, &negative)) return 0;
        const __int128 value = negative ? -(__int128)magnitude : (__int128)magnitude;
        memcpy(column->values + 16 * i, &value, 16);
        return 1;
    }
    case FLOAT:
        if (!floating(p, length, 1, &real)) return 0;
        ((float *)column->values)[i] = (float)real;
        return 1;
    case DOUBLE:
        if (!floating(p, length, 0, &real)) return 0;
        ((double *)column->values)[i] = real;
        return 1;
    case BOOLEAN: {
        const int truth = boolean(p, length);
        if (truth == 1) column->values[i >> 3] |= (uint8_t)(1 << (i & 7));
        return truth >= 0;
    }
    case DATE:
        return length == 10 && date(p, month, (int32_t *)column->values + i);
    case TIMESTAMP:
        return timestamp(p, length, month, (int64_t *)column->values + i);
    default:
        return 0;
    }
}

static void values(const Block *block, int64_t first, int64_t last, Column *column, const Null *nulls,
                   int32_t null_count) {
    const uint8_t *data = block->data;
    const uint64_t *fields = block->fields + column->position * block->capacity;
    const int only_empty = null_count == 1 && nulls[0].length == 0, empty_is_null = is_null(data, 0, nulls, null_count);
    Month month = {0, 0, 0};
    for (int64_t i = first; i < last; i++) {
        if (unlikely(block->odd[i])) {
            column->null_count++;
            continue;
        }
        const uint64_t field = fields[i];
        int64_t length = (int64_t)(field >> 32 & 0x3FFFFFFF);
        const uint8_t *p = data + (uint32_t)field;
        if (unlikely(field & QUOTED)) {
            p++;
            length -= 2;
        } else if (!only_empty && is_null(p, length, nulls, null_count)) {
            column->null_count++;
            continue;
        }
        while (length && (p[0] == ' ' || p[0] == '\t')) p++, length--;
        while (length && (p[length - 1] == ' ' || p[length - 1] == '\t')) length--;
        if (length == 0 && empty_is_null) {
            column->null_count++;
        } else if (!(field & DOUBLED) && value_into(column, &month, i, p, length)) {
            column->validity[i >> 3] |= (uint8_t)(1 << (i & 7));
        } else {
            block->odd[i] = 1;
            column->null_count++;
        }
    }
}

/* Marks the records whose field is not empty. */
static void empties(const Block *block, int64_t first, int64_t last, const Column *column) {
    const uint64_t *fields = block->fields + column->position * block->capacity;
    for (int64_t i = first; i < last; i++)
        if (!block->odd[i] && fields[i] >> 32) block->odd[i] = 1;
}

static int width_of(int32_t kind) {
    switch (kind) {
    case INT8: return 1;
    case INT16: return 2;
    case INT32: case FLOAT: case DATE: return 4;
    case INT64: case DOUBLE: case TIMESTAMP: return 8;
    case DECIMAL: return 16;
    default: return 0;
    }
}

/* Takes the odd records out of a bitmap. */
static void squeeze_bits(const Block *block, int64_t records, uint8_t *bits) {
    int64_t kept = 0;
    uint8_t byte = 0;
    for (int64_t i = 0; i < records; i++) {
        if (block->odd[i]) continue;
        byte |= (uint8_t)((bits[i >> 3] >> (i & 7) & 1) << (kept & 7));
        if ((++kept & 7) == 0) {
            bits[(kept >> 3) - 1] = byte;
            byte = 0;
        }
    }
    if (kept & 7) bits[kept >> 3] = byte;
}

/* Takes the odd records out of a column, run by run of the others. */
static void squeeze(const Block *block, int64_t records, Column *column) {
    const int64_t width = width_of(column->kind);
    int64_t kept = 0, written = 0, first = 0;
    while (first < records) {
        if (block->odd[first]) {
            first++;
            continue;
        }
        int64_t last = first;
        while (last < records && !block->odd[last]) last++;
        if (width) {
            memmove(column->values + kept * width, column->values + first * width, (size_t)((last - first) * width));
            kept += last - first;
        } else if (column->offsets) {
            const int64_t begin = column->offsets[first], size = column->offsets[last] - begin;
            memmove(column->values + written, column->values + begin, (size_t)size);
            /* What is read here has not been written to yet: kept never passes first. */
            for (int64_t i = first; i < last; i++) {
                const int32_t end = column->offsets[i + 1];
                column->offsets[++kept] = (int32_t)(end - begin + written);
            }
            written += size;
        }
        first = last;
    }
    if (column->kind == BOOLEAN) squeeze_bits(block, records, column->values);
    for (int64_t i = 0; i < records; i++)
        if (block->odd[i] && !(column->validity[i >> 3] >> (i & 7) & 1)) column->null_count--;
    squeeze_bits(block, records, column->validity);
}

/* Fills the columns' buffers. validity, and the values of booleans, come zeroed; the values of texts have room for
   block->bytes[position] and 16 more. Returns how many records are odd: they are not in the columns. */
EXPORT int64_t lakelanes_fill(Block *block, int64_t records, Column *columns, int32_t count, const Null *nulls,
                              int32_t null_count) {
    for (int32_t c = 0; c < count; c++)
        if (columns[c].offsets) columns[c].offsets[0] = 0;
    for (int64_t first = 0; first < records; first += SLICE) {
        const int64_t last = first + SLICE < records ? first + SLICE : records;
        for (int32_t c = 0; c < count; c++) {
            Column *column = columns + c;
            if (column->kind == EMPTY) empties(block, first, last, column);
            else if (column->kind == TEXT || column->kind == BYTES) texts(block, first, last, column, nulls, null_count);
            else values(block, first, last, column, nulls, null_count);
        }
    }
    int64_t odd = 0;
    for (int64_t i = 0; i < records; i++) odd += block->odd[i];
    if (odd)
        for (int32_t c = 0; c < count; c++)
            if (columns[c].kind != EMPTY) squeeze(block, records, columns + c);
    return odd;
}

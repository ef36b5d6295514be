/* Texts to numbers, dates and timestamps, for the sources of the compiled library.

   Each function accepts a part of the texts that lakelanes.convert.values accepts, and gives them the same value. Those
   it returns 0 for are for Python to decide. */

#ifndef LAKELANES_SCALARS_H
#define LAKELANES_SCALARS_H

#define _GNU_SOURCE
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"

#if defined(__APPLE__)
#include <xlocale.h>
#endif

#define EXPORT __attribute__((visibility("default")))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* How many characters there are, or -1 for what is not UTF-8 as RFC 3629 has it. */
static inline int64_t utf8_characters(const uint8_t *p, int64_t length) {
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

/* Eight characters, the first in the lowest byte, whatever the machine's order of bytes. */
static inline uint64_t eight(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

#define EVERY_BYTE(octet) ((uint64_t)0x0101010101010101 * (octet))

/* Whether all characters are ASCII. Reads up to p[0, 8). */
static inline int all_ascii(const uint8_t *p, int64_t length) {
    uint64_t any = 0, word;
    int64_t i = 0;
    for (; i + 8 <= length; i += 8) {
        memcpy(&word, p + i, 8);
        any |= word;
    }
    if (i < length) {
        /* The last eight, again in part; of fewer than eight those that are there. */
        if (i) memcpy(&word, p + length - 8, 8);
        else word = eight(p) << (64 - 8 * length);
        any |= word;
    }
    return !(any & EVERY_BYTE(0x80));
}

static inline int digit(uint8_t c) { return (uint8_t)(c - '0') <= 9; }

/* [+-]digits[.digits] as an integer times 10^scale; 0 when the text is of another form or has more than `most` digits.
   Zeros beyond the scale are left to Python. */
static inline int fixed_point(const uint8_t *p, int64_t length, int scale, int most, unsigned __int128 *value, int *negative) {
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

/* fixed_point() for values of at most 18 digits: the same texts, quicker. */
static inline int short_fixed_point(const uint8_t *p, int64_t length, int scale, int most, int64_t *value) {
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

/* Whether each byte is 9 at most. */
static inline int nines(uint64_t bytes) { return !(((bytes + EVERY_BYTE(0x76)) | bytes) & EVERY_BYTE(0x80)); }

/* Eight bytes of 0 to 9, the first in the lowest byte, as a number: pairs of digits, then fours, then all. */
static inline uint64_t number_of(uint64_t bytes) {
    const uint64_t pairs = bytes * 10 + (bytes >> 8), other = 0x000000FF000000FF;
    return ((pairs & other) * 0x000F424000000064 + (pairs >> 16 & other) * 0x0000271000000001) >> 32;
}

/* Takes the lowest point out of eight characters of which '0' was taken: what is before it moves up by a byte. Returns
   how many characters are after it, or -1 where there is none. */
static inline int without_point(uint64_t *bytes) {
    const uint64_t zero = *bytes ^ EVERY_BYTE('.' ^ '0');
    const uint64_t found = (zero - EVERY_BYTE(1)) & ~zero & EVERY_BYTE(0x80);
    if (!found) return -1;
    const int bits = __builtin_ctzll(found) & ~7;
    const uint64_t before = ((uint64_t)1 << bits) - 1;
    *bytes = (*bytes & ~before & ~((uint64_t)0xFF << bits)) | (*bytes & before) << 8;
    return 7 - bits / 8;
}

/* [+-]digits[.digits] of up to 16 characters after the sign, looked at all at once. limit: how far may be read; 0 also
   where that is not far enough. places: how many digits follow the point; -1 without one. */
static inline int quick_digits(const uint8_t *p, int64_t length, const uint8_t *limit, uint64_t *whole, int *places, int *negative) {
    *negative = length > 0 && *p == '-';
    if (length > 0 && (*p == '-' || *p == '+')) p++, length--;
    if (length < 1 || length > 16 || limit - p < 8) return 0;
    if (length <= 8) {
        /* The last character comes to the top; there is 0 below the first. */
        uint64_t low = (eight(p) ^ EVERY_BYTE('0')) << (64 - 8 * length);
        *places = without_point(&low);
        if (!nines(low)) return 0;
        *whole = number_of(low);
    } else {
        uint64_t low = eight(p + length - 8) ^ EVERY_BYTE('0');
        uint64_t high = (eight(p) ^ EVERY_BYTE('0')) << (128 - 8 * length);
        *places = without_point(&low);
        if (*places >= 0) {
            low |= high >> 56;
            high <<= 8;
        } else {
            *places = without_point(&high);
            if (*places >= 0) *places += 8;
        }
        if (!nines(low) || !nines(high)) return 0;
        *whole = number_of(high) * 100000000 + number_of(low);
    }
    return length > (*places >= 0);
}

/* short_fixed_point(), where quick_digits() can tell: the same value, or 0. */
static inline int quick_fixed_point(const uint8_t *p, int64_t length, int scale, int most, const uint8_t *limit, int64_t *value) {
    uint64_t whole;
    int places, negative;
    if (!quick_digits(p, length, limit, &whole, &places, &negative)) return 0;
    if (places >= 0 && scale < 0) return 0;
    const int missing = scale > 0 ? scale - (places > 0 ? places : 0) : places > 0 ? -1 : 0;
    /* With 16 digits before them, two more are no more than 18. */
    if (missing < 0 || missing > 2) return 0;
    const int64_t magnitude = (int64_t)whole * TENS[missing];
    if (magnitude >= TENS[most]) return 0;
    *value = negative ? -magnitude : magnitude;
    return 1;
}

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline locale_t c_locale(void) {
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
static inline int floating(const uint8_t *p, int64_t length, int is_float, double *value) {
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

static inline int two(const uint8_t *p) { return (p[0] - '0') * 10 + (p[1] - '0'); }

/* A month, as the first eight characters of its days: they often follow each other. */
typedef struct {
    uint64_t text;
    int32_t before, days; /* days from 1970-01-01 to its first, and how many it has */
} Month;

/* dddd-dd- as a month of the proleptic Gregorian calendar. */
static inline int month_of(const uint8_t *p, Month *month) {
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
static inline int date(const uint8_t *p, Month *month, int32_t *days) {
    uint64_t text;
    memcpy(&text, p, 8);
    if (unlikely(text != month->text) && !month_of(p, month)) return 0;
    const unsigned tens = (unsigned)p[8] - '0', ones = (unsigned)p[9] - '0', day = tens * 10 + ones;
    if (tens > 3 || ones > 9 || day < 1 || (int32_t)day > month->days) return 0;
    *days = month->before + (int32_t)day - 1;
    return 1;
}

/* dddd-dd-dd[( |T)dd:dd[:dd[.d{1,6}]][Z]] as microseconds since 1970-01-01. */
static inline int timestamp(const uint8_t *p, int64_t length, Month *month, int64_t *micros) {
    int32_t days;
    if (length < 10 || !date(p, month, &days)) return 0;
    *micros = (int64_t)days * 86400000000;
    if (length == 10) return 1;
    if (length == 19) {
        /* All of dd:dd:dd at once. */
        const uint64_t time = eight(p + 11) ^ 0x30303A30303A3030;
        const uint64_t tens = time & 0x000F00000F00000F, ones = time >> 8 & 0x000F00000F00000F, twos = tens * 10 + ones;
        const int64_t hour = twos & 0xFF, minute = twos >> 24 & 0xFF, second = twos >> 48;
        if (!nines(time) || time & 0x0000FF0000FF0000 || (p[10] != ' ' && p[10] != 'T')) return 0;
        if (hour > 23 || minute > 59 || second > 59) return 0;
        *micros += ((hour * 60 + minute) * 60 + second) * 1000000;
        return 1;
    }
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

static inline int integer(const uint8_t *p, int64_t length, int64_t lowest, int64_t highest, int64_t *value) {
    unsigned __int128 magnitude;
    int negative;
    if (likely(short_fixed_point(p, length, -1, 18, value))) return *value >= lowest && *value <= highest;
    if (!fixed_point(p, length, -1, 19, &magnitude, &negative)) return 0;
    const __int128 whole = negative ? -(__int128)magnitude : (__int128)magnitude;
    *value = (int64_t)whole;
    return whole >= lowest && whole <= highest;
}

/* Writes the value of a text to place i of an Arrow buffer of the kind's width: whole numbers, decimals, floating-point
   numbers, dates and timestamps. Of a decimal, precision and scale are the type's. month: kept from row to row. */
static inline int scalar_into(int32_t kind, int32_t precision, int32_t scale, Month *month, const uint8_t *p, int64_t length,
                              uint8_t *values, int64_t i) {
    int64_t whole;
    double real;
    switch (kind) {
    case INT8:
        if (!integer(p, length, INT8_MIN, INT8_MAX, &whole)) return 0;
        ((int8_t *)values)[i] = (int8_t)whole;
        return 1;
    case INT16:
        if (!integer(p, length, INT16_MIN, INT16_MAX, &whole)) return 0;
        ((int16_t *)values)[i] = (int16_t)whole;
        return 1;
    case INT32:
        if (!integer(p, length, INT32_MIN, INT32_MAX, &whole)) return 0;
        ((int32_t *)values)[i] = (int32_t)whole;
        return 1;
    case INT64:
        if (!integer(p, length, INT64_MIN, INT64_MAX, &whole)) return 0;
        ((int64_t *)values)[i] = whole;
        return 1;
    case DECIMAL: {
        unsigned __int128 magnitude;
        int negative;
        if (precision <= 18 && likely(short_fixed_point(p, length, scale, precision, &whole))) {
            const int64_t words[] = {whole, whole >> 63};
            memcpy(values + 16 * i, words, 16);
            return 1;
        }
        if (!fixed_point(p, length, scale, precision, &magnitude, &negative)) return 0;
        const __int128 value = negative ? -(__int128)magnitude : (__int128)magnitude;
        memcpy(values + 16 * i, &value, 16);
        return 1;
    }
    case FLOAT:
        if (!floating(p, length, 1, &real)) return 0;
        ((float *)values)[i] = (float)real;
        return 1;
    case DOUBLE:
        if (!floating(p, length, 0, &real)) return 0;
        ((double *)values)[i] = real;
        return 1;
    case DATE:
        return length == 10 && date(p, month, (int32_t *)values + i);
    case TIMESTAMP:
        return timestamp(p, length, month, (int64_t *)values + i);
    default:
        return 0;
    }
}

#endif

/* CSV records to Arrow columns, for the texts that most files hold.

   lakelanes.convert.kernel calls this. Where anything is unusual (a field too many, a text that is not plainly of its
   type, bytes that are not UTF-8) the record is only marked as odd: Python reads it again, decides, and gives the
   reason. So nothing here may accept a text, or give it a value, that lakelanes.convert.values does not.

   What counts as a record is what lakelanes.convert.record_index says. Every access is within data[0, length) and within the
   capacities that the caller names; text copies may read up to data[0, readable). */

#include "scalars.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A field: its offset in the low 32 bits, then its length in 30 and two flags. Both include the quotes around it. */
#define QUOTED ((uint64_t)1 << 63)
#define DOUBLED ((uint64_t)1 << 62)
#define FIELD(start, end) ((uint64_t)(uint32_t)(start) | (uint64_t)((end) - (start)) << 32)
#define MAX_BYTES ((int64_t)1 << 30)
/* Columns are filled a slice of the records at a time, of so many bytes, so that a slice and what is made of it stay in
   the processor's first cache (32 KB) while column after column is read from it. */
#define SLICE_BYTES ((int64_t)12 << 10)
enum { LEAST_SLICE = 16, MOST_SLICE = 512 };
/* How far a text is written past its end: short ones are copied in one step of this many bytes. */
#define OVERSHOOT 16

enum { TOO_MANY_RECORDS = -1, TORN = -2 };

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
    int32_t strict; /* whether a quote in a field that is not quoted is a fault */
    int32_t lone_returns; /* how many lines end with a carriage return alone, outside quotes */
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
    int64_t kept;    /* rows so far: where the records of the next slice go */
} Column;

typedef struct {
    const uint8_t *text;
    int32_t length;
} Null;

EXPORT const Constant *lakelanes_kernel_constants(void) {
    static const Constant CONSTANTS[] = {
        KINDS(KIND_CONSTANT)
        {"TOO_MANY_RECORDS", TOO_MANY_RECORDS}, {"TORN", TORN}, {"OVERSHOOT", OVERSHOOT},
        SIZE_CONSTANT(Block), SIZE_CONSTANT(Column), SIZE_CONSTANT(Null), END_OF_CONSTANTS,
    };
    return CONSTANTS;
}

/* How many of the bytes are this octet. */
EXPORT int64_t lakelanes_count(const uint8_t *data, int64_t length, int32_t octet) {
    int64_t count = 0, at = 0;
    while (at + 64 <= length) {
        /* As many sums as bytes of a step, each of as many steps as its byte can count. */
        uint8_t sums[64] = {0};
        for (int step = 0; step < 255 && at + 64 <= length; step++, at += 64)
            for (int k = 0; k < 64; k++) sums[k] += data[at + k] == (uint8_t)octet;
        for (int k = 0; k < 64; k++) count += sums[k];
    }
    for (; at < length; at++) count += data[at] == (uint8_t)octet;
    return count;
}

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
    int64_t records = 0, start = 0, record = 0, skip = -1, lines = 0, line = 0;
    int32_t field = 0;
    int odd = 0, quoted = 0;
    int32_t lone_returns = 0;
    const int strict = block->strict != 0;
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
                    const uint8_t next = pos + 1 < length ? data[pos + 1] : (uint8_t)'\n';
                    if (next == quote) {
                        flags |= DOUBLED;
                        skip = pos + 1;
                    } else if (likely(next == delimiter || next == '\n' || next == '\r')) {
                        quoted = 0;
                    } else {
                        /* Text after it. Where a field begins it opens one, see lakelanes.convert.quoting. */
                        const uint8_t before = data[pos - 1];
                        odd = 1;
                        quoted = before == delimiter || before == '\n' || before == '\r';
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
                } else if (strict) odd = 1;
                continue;
            }
            /* A field ends here. */
            if (c == delimiter) {
                if (likely(field < width)) {
                    fields[field * capacity + records] = FIELD(start, pos) | flags;
                    block->bytes[field] += pos - start;
                }
                field++;
                start = pos + 1;
                flags = 0;
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
            if (c == '\r') {
                if (start < length && data[start] == '\n') skip = start++;
                else lone_returns++;
            }
            record = start;
            line = pos < length ? ++lines : lines;
            field = 0;
            flags = 0;
            odd = 0;
            if (unlikely(records == capacity) && start < length) return TOO_MANY_RECORDS;
        }
    }
    if (quoted) return TORN;
    block->line_count = lines;
    block->lone_returns = lone_returns;
    block->ascii = high == 0;
    return records;
}

static int is_null(const uint8_t *text, int64_t length, const Null *nulls, int32_t count) {
    for (int32_t i = 0; i < count; i++)
        if (nulls[i].length == length && memcmp(nulls[i].text, text, (size_t)length) == 0) return 1;
    return 0;
}

/* true t yes y 1 and false f no n 0, in any case: 1, 0, or -1 for neither. */
static int boolean(const uint8_t *p, int64_t length) {
#define LETTER(i, letter) ((p[i] | 0x20) == letter)
    switch (length) {
    case 1:
        if (p[0] == '1' || LETTER(0, 't') || LETTER(0, 'y')) return 1;
        return p[0] == '0' || LETTER(0, 'f') || LETTER(0, 'n') ? 0 : -1;
    case 2: return LETTER(0, 'n') && LETTER(1, 'o') ? 0 : -1;
    case 3: return LETTER(0, 'y') && LETTER(1, 'e') && LETTER(2, 's') ? 1 : -1;
    case 4: return LETTER(0, 't') && LETTER(1, 'r') && LETTER(2, 'u') && LETTER(3, 'e') ? 1 : -1;
    case 5: return LETTER(0, 'f') && LETTER(1, 'a') && LETTER(2, 'l') && LETTER(3, 's') && LETTER(4, 'e') ? 0 : -1;
    default: return -1;
    }
#undef LETTER
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
    const uint8_t *limit = data + block->readable;
    int32_t *offsets = column->offsets;
    const int64_t to = column->kept - first;
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
            uint8_t *out = column->values + written;
            if (likely(length <= OVERSHOOT) && p + OVERSHOOT <= limit) memcpy(out, p, OVERSHOOT);
            else if (length <= 4 * OVERSHOOT && p + length + OVERSHOOT <= limit)
                for (int64_t k = 0; k < length; k += OVERSHOOT) memcpy(out + k, p + k, OVERSHOOT);
            else memcpy(out, p, (size_t)length);
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
        column->validity[(i + to) >> 3] |= (uint8_t)(1 << ((i + to) & 7));
        offsets[i + to + 1] = (int32_t)written;
        continue;
    missing:
        column->null_count++;
        offsets[i + to + 1] = (int32_t)written;
    }
    column->written = written;
}

/* Writes a value to place i; 0 for a text that is not plainly one. Numbers that can be told at once are most of them. */
static int value_into(const Column *column, Month *month, int64_t i, const uint8_t *p, int64_t length, const uint8_t *limit) {
    int64_t whole;
    switch (column->kind) {
    case BOOLEAN: {
        const int truth = boolean(p, length);
        if (truth == 1) column->values[i >> 3] |= (uint8_t)(1 << (i & 7));
        return truth >= 0;
    }
    case INT16:
        if (likely(quick_fixed_point(p, length, -1, 4, limit, &whole))) {
            ((int16_t *)column->values)[i] = (int16_t)whole;
            return 1;
        }
        break;
    case INT32:
        if (likely(quick_fixed_point(p, length, -1, 9, limit, &whole))) {
            ((int32_t *)column->values)[i] = (int32_t)whole;
            return 1;
        }
        break;
    case INT64:
        if (likely(quick_fixed_point(p, length, -1, 18, limit, &whole))) {
            ((int64_t *)column->values)[i] = whole;
            return 1;
        }
        break;
    case DECIMAL:
        if (column->precision <= 18 && likely(quick_fixed_point(p, length, column->scale, column->precision, limit, &whole))) {
            const int64_t words[] = {whole, whole >> 63};
            memcpy(column->values + 16 * i, words, 16);
            return 1;
        }
        break;
    case DOUBLE: {
        uint64_t digits;
        int places, negative;
        if (likely(quick_digits(p, length, limit, &digits, &places, &negative)) && digits <= (uint64_t)1 << 53) {
            const double magnitude = (double)digits / POWERS[places > 0 ? places : 0];
            ((double *)column->values)[i] = negative ? -magnitude : magnitude;
            return 1;
        }
        break;
    }
    }
    return scalar_into(column->kind, column->precision, column->scale, month, p, length, column->values, i);
}

static void values(const Block *block, int64_t first, int64_t last, Column *column, const Null *nulls,
                   int32_t null_count) {
    const uint8_t *data = block->data;
    const uint64_t *fields = block->fields + column->position * block->capacity;
    const int only_empty = null_count == 1 && nulls[0].length == 0, empty_is_null = is_null(data, 0, nulls, null_count);
    const uint8_t *limit = data + block->readable;
    const int64_t to = column->kept - first;
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
        } else if (!(field & DOUBLED) && value_into(column, &month, i + to, p, length, limit)) {
            column->validity[(i + to) >> 3] |= (uint8_t)(1 << ((i + to) & 7));
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

/* Moves bits of a bitmap to an earlier place. */
static void move_bits(uint8_t *bits, int64_t to, int64_t from, int64_t count) {
    while (count > 0) {
        /* As many as end the byte that they go to. */
        const int low = (int)(to & 7), at = (int)(from & 7);
        const int some = count < 8 - low ? (int)count : 8 - low;
        unsigned moved = (unsigned)bits[from >> 3] >> at;
        if (at + some > 8) moved |= (unsigned)bits[(from >> 3) + 1] << (8 - at);
        const unsigned mask = ((1u << some) - 1) << low;
        bits[to >> 3] = (uint8_t)((bits[to >> 3] & ~mask) | (moved << low & mask));
        to += some;
        from += some;
        count -= some;
    }
}

static void clear_bits(uint8_t *bits, int64_t first, int64_t last) {
    for (; first < last; first++) bits[first >> 3] &= (uint8_t)~(1 << (first & 7));
}

/* Takes the odd ones of the records [first, last), which a column has just been given, out of it again, run by run of
   the others: the slice is still in the processor's cache. */
static void squeeze(const Block *block, int64_t first, int64_t last, Column *column) {
    const int64_t width = width_of(column->kind), base = column->kept - first, end = column->kept + last - first;
    int64_t kept = column->kept, written = column->offsets ? column->offsets[kept] : 0;
    while (1) {
        /* Those that have no value were counted as nulls. Bits that are read here are not moved yet. */
        for (; first < last && block->odd[first]; first++)
            column->null_count -= !(column->validity[(first + base) >> 3] >> ((first + base) & 7) & 1);
        if (first == last) break;
        const uint8_t *odd = memchr(block->odd + first, 1, (size_t)(last - first));
        const int64_t next = odd ? odd - block->odd : last, count = next - first, from = first + base;
        if (column->offsets) {
            /* Nor are the offsets: kept is less than from, unless this is the first run, which stays. */
            const int64_t begin = column->offsets[from], size = column->offsets[from + count] - begin;
            if (kept < from) {
                int32_t *ends = column->offsets + kept + 1;
                memmove(column->values + written, column->values + begin, (size_t)size);
                memmove(ends, column->offsets + from + 1, (size_t)count * sizeof *ends);
                for (int64_t i = 0; i < count; i++) ends[i] -= (int32_t)(begin - written);
            }
            written += size;
        } else if (kept < from) {
            if (width) memmove(column->values + kept * width, column->values + from * width, (size_t)(count * width));
            else move_bits(column->values, kept, from, count);
        }
        if (kept < from) move_bits(column->validity, kept, from, count);
        kept += count;
        first = next;
    }
    /* The next slice begins here, with bits that are not set. */
    clear_bits(column->validity, kept, end);
    if (column->offsets) column->written = written;
    else if (!width) clear_bits(column->values, kept, end);
    column->kept = kept;
}

/* How many of the block's records are a slice. */
static int64_t slice_of(const Block *block, int64_t records) {
    const int64_t fitting = block->length > 0 ? SLICE_BYTES * records / block->length : 0;
    return fitting < LEAST_SLICE ? LEAST_SLICE : fitting > MOST_SLICE ? MOST_SLICE : fitting;
}

/* Fills the columns' buffers. validity, and the values of booleans, come zeroed; the values of texts have room for
   block->bytes[position] and OVERSHOOT more. Returns how many records are odd: they are not in the columns. */
EXPORT int64_t lakelanes_fill(Block *block, int64_t records, Column *columns, int32_t count, const Null *nulls,
                              int32_t null_count) {
    const int64_t slice = slice_of(block, records);
    int64_t odd = 0;
    for (int32_t c = 0; c < count; c++)
        if (columns[c].offsets) columns[c].offsets[0] = 0;
    for (int64_t first = 0; first < records; first += slice) {
        const int64_t last = first + slice < records ? first + slice : records;
        int64_t here = 0;
        for (int32_t c = 0; c < count; c++) {
            Column *column = columns + c;
            if (column->kind == EMPTY) empties(block, first, last, column);
            else if (column->kind == TEXT || column->kind == BYTES) texts(block, first, last, column, nulls, null_count);
            else values(block, first, last, column, nulls, null_count);
        }
        for (int64_t i = first; i < last; i++) here += block->odd[i];
        for (int32_t c = 0; c < count; c++) {
            if (!here) columns[c].kept += last - first;
            else if (columns[c].kind != EMPTY) squeeze(block, first, last, columns + c);
        }
        odd += here;
    }
    return odd;
}

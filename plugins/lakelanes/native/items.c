/* Lines of a DynamoDB export to Arrow columns, for the lines that most exports hold.

   lakelanes.tables.scanner calls this. A line with anything unusual in it (a number that does not plainly fit its column,
   a name with an escape, something that is no attribute value) is only noted as odd: Python reads it again and decides.
   So nothing here may accept a line, or give it values, that lakelanes.tables.attributes does not.

   The lines are data[0, length), followed by a line feed and 64 bytes more that may be read. A line feed cannot be part
   of a JSON string, so whatever is looked for, the search ends with the line. */

#include "scalars.h"

#include <stddef.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* DynamoDB nests 32 levels at most. */
#define DEEPEST 40
/* Names of one map are compared with each other up to this many; more make a line odd. */
#define MOST_NAMES 256
#define ALL_NAMES 4096

enum tag { NO_TAG, S, N, B, M, L, SS, NS, BS, BOOL, NUL };
enum { HIGH = 1, ESCAPED = 2 };

/* A column, or a part of one, and what is made of it so far. Nodes stand in pre-order: a list's element, a map's key and
   value, a struct's fields follow it. */
typedef struct {
    int32_t kind;
    int32_t precision, scale; /* of a decimal; precision is the longest text, in characters, of TEXT (0: any) */
    int32_t next;             /* the node after this one's last descendant */
    int32_t key;              /* whether it is a column of the table's key, which is never null */
    int32_t name_length;      /* of a column, or of a struct's field; the name is in lower case */
    const uint8_t *name;
    int64_t length, null_count;
    uint8_t *validity;
    int32_t *offsets;
    uint8_t *values;
    int64_t room;             /* how many elements there is memory for */
    int64_t written, space;   /* bytes of TEXT and BINARY, and how many there is memory for */
} Node;

/* A name that items have: a column's, or that of a map with columns in it. */
typedef struct {
    const uint8_t *name;
    int32_t length;
    int32_t node;         /* -1 for a map */
    int32_t first, count; /* a map's own members */
    int64_t seen;         /* the last line in which the map was there, counted from 1 */
} Member;

typedef struct {
    int64_t start, end, line;
} Odd;

typedef struct {
    const uint8_t *text;
    int64_t length;
    int flags;
} String;

typedef struct {
    int64_t length, null_count, written;
} Mark;

/* The last nodes are the columns of undeclared attributes and of rescued values, whether the item was deleted, and when
   it was written (microseconds); a full export leaves the latter two empty. */
enum { UNDECLARED, RESCUED, DELETED, WRITTEN };
typedef struct {
    Node *nodes;
    Member *members;
    Mark *marks;
    int32_t node_count, columns, root, full; /* columns: top-level nodes are below this one; root: members of an item */
    int32_t keys, guess;
    int64_t lines, odd_count, odd_room;
    Odd *odd;
    const uint8_t *at;
    int32_t no_memory, name_count;
    int32_t misfit, surplus; /* of the column at hand: why it failed, and whether a struct has names that it lacks */
    /* What follows is not Python's concern; it only makes room for it, zeroed. */
    Month month;
    int64_t given; /* how many values columns took or rescued, of all lines: whether it grew tells whether one did */
    String names[ALL_NAMES];
} Scan;

EXPORT const Constant *lakelanes_items_constants(void) {
    static const Constant CONSTANTS[] = {
        KINDS(KIND_CONSTANT)
        {"UNDECLARED", UNDECLARED}, {"RESCUED", RESCUED}, {"DELETED", DELETED}, {"WRITTEN", WRITTEN},
        SIZE_CONSTANT(Node), SIZE_CONSTANT(Member), SIZE_CONSTANT(Mark), SIZE_CONSTANT(Odd),
        {"size Scan", offsetof(Scan, month)}, {"whole Scan", sizeof(Scan)}, END_OF_CONSTANTS,
    };
    return CONSTANTS;
}

static int has_offsets(int32_t kind) { return kind == TEXT || kind == BINARY || kind == LIST || kind == MAP; }

/* realloc() that keeps the old memory, and says so, when there is no more. */
static int resize(Scan *scan, void **memory, int64_t bytes) {
    void *more = realloc(*memory, (size_t)bytes);
    if (!more) {
        scan->no_memory = 1;
        return 0;
    }
    *memory = more;
    return 1;
}

static int grow(Scan *scan, Node *node) {
    const int64_t room = node->room ? node->room * 2 : 1024;
    const int64_t width = width_of(node->kind);
    if (!resize(scan, (void **)&node->validity, room / 8)) return 0;
    if (has_offsets(node->kind)) {
        if (!resize(scan, (void **)&node->offsets, (room + 1) * 4)) return 0;
        if (!node->room) node->offsets[0] = 0;
    } else if (width && !resize(scan, (void **)&node->values, room * width)) return 0;
    if (node->kind == BOOLEAN && !resize(scan, (void **)&node->values, room / 8)) return 0;
    node->room = room;
    return 1;
}

static inline int reserve(Scan *scan, Node *node) { return likely(node->length < node->room) || grow(scan, node); }

static int more_space(Scan *scan, Node *node, int64_t bytes) {
    int64_t space = node->space ? node->space : 1 << 16;
    while (space < node->written + bytes) space *= 2;
    if (!resize(scan, (void **)&node->values, space)) return 0;
    node->space = space;
    return 1;
}

static inline int reserve_bytes(Scan *scan, Node *node, int64_t bytes) {
    /* Also for a first text without bytes: what is copied to has to be there. */
    return likely(node->values != NULL && node->written + bytes <= node->space) || more_space(scan, node, bytes);
}

static inline void set_bit(uint8_t *bits, int64_t i, int bit) {
    bits[i >> 3] = (uint8_t)((bits[i >> 3] & ~(1 << (i & 7))) | bit << (i & 7));
}

/* Ends an element whose value is in place. */
static inline void finish(Node *node) {
    if (node->kind == TEXT || node->kind == BINARY) node->offsets[node->length + 1] = (int32_t)node->written;
    set_bit(node->validity, node->length++, 1);
}

static int append_null(Scan *scan, int32_t at) {
    Node *node = scan->nodes + at;
    const int64_t width = width_of(node->kind);
    if (!reserve(scan, node)) return 0;
    if (has_offsets(node->kind)) node->offsets[node->length + 1] = node->offsets[node->length];
    else if (width) memset(node->values + node->length * width, 0, (size_t)width);
    else if (node->kind == BOOLEAN) set_bit(node->values, node->length, 0);
    else
        for (int32_t child = at + 1; child < node->next; child = scan->nodes[child].next)
            if (!append_null(scan, child)) return 0;
    set_bit(node->validity, node->length++, 0);
    node->null_count++;
    return 1;
}

/* JSON */

static inline void blanks(Scan *scan) {
    while (unlikely(*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r')) scan->at++;
}

static inline int expect(Scan *scan, uint8_t c) {
    blanks(scan);
    if (*scan->at != c) return 0;
    scan->at++;
    return 1;
}

static int hex4(const uint8_t *p) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t c = p[i], lower = c | 0x20;
        if (digit(c)) value = value * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f') value = value * 16 + (lower - 'a' + 10);
        else return -1;
    }
    return value;
}

/* How long the escape is that begins with the backslash at p; 0 for none, and for half of a surrogate pair. */
static int escape_length(const uint8_t *p) {
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return 2;
    case 'u': {
        const int unit = hex4(p + 2);
        if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) return 0;
        if (unit < 0xD800 || unit > 0xDBFF) return 6;
        if (p[6] != '\\' || p[7] != 'u') return 0;
        const int low = hex4(p + 8);
        return low >= 0xDC00 && low <= 0xDFFF ? 12 : 0;
    }
    default: return 0;
    }
}

/* The string that begins here. Its UTF-8 is checked, its escapes are, too, but stay as they are. */
static inline int read_string(Scan *scan, String *string) {
    blanks(scan);
    if (unlikely(*scan->at != '"')) return 0;
    const uint8_t *p = ++scan->at;
    int flags = 0;
    for (;;) {
#if defined(__SSE2__)
        const __m128i x = _mm_loadu_si128((const __m128i *)p);
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1F)), x);
        const __m128i hit = _mm_or_si128(low, _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                                           _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
        const unsigned stop = (unsigned)_mm_movemask_epi8(hit), high = (unsigned)_mm_movemask_epi8(x);
        if (!stop) {
            flags |= high != 0;
            p += 16;
            continue;
        }
        const int ahead = __builtin_ctz(stop);
        flags |= (high & ((1u << ahead) - 1)) != 0;
        p += ahead;
#else
        while (*p != '"' && *p != '\\' && *p >= 0x20) flags |= *p++ >> 7;
#endif
        if (likely(*p == '"')) break;
        const int length = *p == '\\' ? escape_length(p) : 0;
        if (!length) return 0;
        flags |= ESCAPED;
        p += length;
    }
    string->text = scan->at;
    string->length = p - scan->at;
    string->flags = flags;
    scan->at = p + 1;
    return !(flags & HIGH) || utf8_characters(string->text, string->length) >= 0;
}

/* A name and the colon after it. Names with escapes are left to Python, so that equal ones have equal bytes here. */
static inline int read_name(Scan *scan, String *name) {
    return read_string(scan, name) && !(name->flags & ESCAPED) && expect(scan, ':');
}

/* Notes a name of the map whose names begin at `first`; 0 when it has it already. */
static int new_name(Scan *scan, int32_t first, const String *name) {
    if (scan->name_count - first >= MOST_NAMES || scan->name_count >= ALL_NAMES) return 0;
    for (int32_t i = first; i < scan->name_count; i++)
        if (scan->names[i].length == name->length && memcmp(scan->names[i].text, name->text, (size_t)name->length) == 0)
            return 0;
    scan->names[scan->name_count++] = *name;
    return 1;
}

static int8_t utf8_into(uint8_t *out, int32_t code) {
    if (code < 0x80) return out[0] = (uint8_t)code, 1;
    if (code < 0x800) return out[0] = (uint8_t)(0xC0 | code >> 6), out[1] = (uint8_t)(0x80 | (code & 63)), 2;
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xE0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

/* The text of a string with escapes, which is never longer than it. */
static int64_t unescape(const String *string, uint8_t *out) {
    const uint8_t *p = string->text, *end = p + string->length;
    uint8_t *begin = out;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        switch (p[1]) {
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'n': *out++ = '\n'; break;
        case 'r': *out++ = '\r'; break;
        case 't': *out++ = '\t'; break;
        case 'u': {
            int32_t code = hex4(p + 2);
            if (code >= 0xD800 && code <= 0xDBFF) {
                code = 0x10000 + ((code - 0xD800) << 10) + (hex4(p + 8) - 0xDC00);
                p += 6;
            }
            out += utf8_into(out, code);
            p += 4;
            break;
        }
        default: *out++ = p[1];
        }
        p += 2;
    }
    return out - begin;
}

/* Attribute values: {"S": "..."}, {"L": [{"N": "1"}, ...]} and so on. */

/* Up to the content. NO_TAG when no attribute value begins here. */
static inline enum tag open_value(Scan *scan) {
    if (!expect(scan, '{') || !expect(scan, '"')) return NO_TAG;
    const uint8_t *p = scan->at;
    enum tag tag = NO_TAG;
    if (p[1] == '"') {
        tag = p[0] == 'S' ? S : p[0] == 'N' ? N : p[0] == 'M' ? M : p[0] == 'L' ? L : p[0] == 'B' ? B : NO_TAG;
        scan->at += 2;
    } else if (p[1] == 'S' && p[2] == '"') {
        tag = p[0] == 'S' ? SS : p[0] == 'N' ? NS : p[0] == 'B' ? BS : NO_TAG;
        scan->at += 3;
    } else if (memcmp(p, "BOOL\"", 5) == 0) {
        tag = BOOL;
        scan->at += 5;
    } else if (memcmp(p, "NULL\"", 5) == 0) {
        tag = NUL;
        scan->at += 5;
    }
    return tag != NO_TAG && expect(scan, ':') ? tag : NO_TAG;
}

/* true or false: 1, 0, or -1 for neither. */
static int read_truth(Scan *scan) {
    blanks(scan);
    if (memcmp(scan->at, "true", 4) == 0) return scan->at += 4, 1;
    if (memcmp(scan->at, "false", 5) == 0) return scan->at += 5, 0;
    return -1;
}

/* After an element of a list or an object: 1 when another follows, 0 at its end, -1 for anything else. */
static inline int more(Scan *scan, uint8_t end) {
    blanks(scan);
    const uint8_t c = *scan->at;
    if (c != ',' && c != end) return -1;
    scan->at++;
    return c == ',';
}

/* Opens a list or an object: 1 when it has an element, 0 when it is empty (and past), -1 when it is none. */
static inline int open_many(Scan *scan, uint8_t begin, uint8_t end) {
    if (!expect(scan, begin)) return -1;
    blanks(scan);
    if (*scan->at != end) return 1;
    scan->at++;
    return 0;
}

static int is_number(const String *string) {
    const uint8_t *p = string->text, *end = p + string->length;
    int64_t digits = 0;
    if (p < end && (*p == '-' || *p == '+')) p++;
    for (; p < end && digit(*p); p++) digits++;
    if (p < end && *p == '.')
        for (p++; p < end && digit(*p); p++) digits++;
    if (!digits) return 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        if (++p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return 0;
        while (p < end && digit(*p)) p++;
    }
    return p == end;
}

static int sextet(uint8_t c) {
    const uint8_t letter = (c | 0x20) - 'a';
    if (letter < 26) return letter + (c >= 'a' ? 26 : 0);
    if (digit(c)) return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The bytes of a base64 text with its padding, RFC 4648; -1 when it is none. out may be NULL. */
static int64_t base64(const String *string, uint8_t *out) {
    const uint8_t *p = string->text;
    int64_t length = string->length, written = 0;
    if (length % 4) return -1;
    if (length && p[length - 1] == '=') length--;
    if (length && p[length - 1] == '=') length--;
    uint32_t bits = 0;
    for (int64_t i = 0; i < length; i++) {
        const int value = sextet(p[i]);
        if (value < 0) return -1;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 0) continue;
        const int left = 6 - 2 * (int)(i % 4); /* bits of this character that belong to the next byte: 4, 2, 0 */
        if (out) out[written] = (uint8_t)(bits >> left);
        written++;
    }
    const int spare = length % 4 == 2 ? 4 : length % 4 == 3 ? 2 : 0;
    return length % 4 == 1 || (bits & ((1u << spare) - 1)) ? -1 : written;
}

static int skip_scalar(Scan *scan, enum tag tag) {
    String string;
    if (!read_string(scan, &string)) return 0;
    if (tag == N) return !(string.flags & ESCAPED) && is_number(&string);
    if (tag == B) return !(string.flags & ESCAPED) && base64(&string, NULL) >= 0;
    return 1;
}

static int skip_members(Scan *scan, int depth);

/* Passes over a value, checking all of it. */
static int skip_value(Scan *scan, int depth) {
    const enum tag tag = open_value(scan);
    int another;
    if (depth > DEEPEST) return 0;
    switch (tag) {
    case S: case N: case B:
        if (!skip_scalar(scan, tag)) return 0;
        break;
    case BOOL:
        if (read_truth(scan) < 0) return 0;
        break;
    case NUL:
        if (read_truth(scan) != 1) return 0;
        break;
    case SS: case NS: case BS:
        for (another = open_many(scan, '[', ']'); another > 0; another = more(scan, ']'))
            if (!skip_scalar(scan, tag == SS ? S : tag == NS ? N : B)) return 0;
        if (another < 0) return 0;
        break;
    case L:
        for (another = open_many(scan, '[', ']'); another > 0; another = more(scan, ']'))
            if (!skip_value(scan, depth + 1)) return 0;
        if (another < 0) return 0;
        break;
    case M:
        if (!skip_members(scan, depth + 1)) return 0;
        break;
    default: return 0;
    }
    return expect(scan, '}');
}

static int skip_members(Scan *scan, int depth) {
    const int32_t first = scan->name_count;
    int another;
    String name;
    for (another = open_many(scan, '{', '}'); another > 0; another = more(scan, '}'))
        if (!read_name(scan, &name) || !new_name(scan, first, &name) || !skip_value(scan, depth)) return 0;
    scan->name_count = first;
    return another == 0;
}

/* Values into columns

   Where one of these returns 0, the value may be a misfit or none at all. scan->misfit tells that it is of another type. */

static int misfit(Scan *scan) {
    scan->misfit = 1;
    return 0;
}

static int append_text(Scan *scan, Node *node, const String *string) {
    if (!reserve(scan, node) || !reserve_bytes(scan, node, string->length)) return 0;
    uint8_t *out = node->values + node->written;
    int64_t length = string->length;
    if (unlikely(string->flags & ESCAPED)) length = unescape(string, out);
    else memcpy(out, string->text, (size_t)length);
    if (node->precision && utf8_characters(out, length) > node->precision) return 0;
    node->written += length;
    finish(node);
    return 1;
}

/* Digits that a double (float) keeps whatever they are, and exponents far from its limits: the number's shortest text is
   the number itself. Others are for Python to try. */
static int round_trips(const String *string, int is_float) {
    int64_t significant = 0, length = string->length;
    for (int64_t i = 0; i < length; i++) {
        const uint8_t c = string->text[i];
        if (digit(c)) significant += significant || c != '0';
        else if (c == 'e' || c == 'E') return 0;
    }
    return significant <= (is_float ? 6 : 15) && length <= 24;
}

static int fixed_width(Scan *scan, Node *node, enum tag tag, const String *string) {
    const enum tag wanted = node->kind == DATE || node->kind == TIMESTAMP ? S : N;
    if (tag != wanted) return misfit(scan);
    if (string->flags || !reserve(scan, node)) return 0;
    if ((node->kind == FLOAT || node->kind == DOUBLE) && !round_trips(string, node->kind == FLOAT)) return 0;
    return scalar_into(node->kind, node->precision, node->scale, &scan->month, string->text, string->length, node->values,
                       node->length);
}

/* A string of the tag S, N or B, or of a set's elements. */
static inline int scalar(Scan *scan, Node *node, enum tag tag) {
    String string;
    if (!read_string(scan, &string)) return 0;
    if (node->kind == TEXT) return tag == S ? append_text(scan, node, &string) : misfit(scan);
    if (node->kind == BINARY) {
        if (tag != B) return misfit(scan);
        if (string.flags || !reserve(scan, node) || !reserve_bytes(scan, node, string.length)) return 0;
        const int64_t written = base64(&string, node->values + node->written);
        if (written < 0) return 0;
        node->written += written;
    } else if (!fixed_width(scan, node, tag, &string)) return 0;
    finish(node);
    return 1;
}

static int same_folded(const Node *field, const String *name) {
    if (field->name_length != name->length) return 0;
    for (int64_t i = 0; i < name->length; i++) {
        const uint8_t c = name->text[i];
        if ((uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c) != field->name[i]) return 0;
    }
    return 1;
}

static int value_into(Scan *scan, int32_t at, int depth);

static int struct_into(Scan *scan, int32_t at, int depth) {
    const int32_t next = scan->nodes[at].next, first_name = scan->name_count;
    const int64_t row = scan->nodes[at].length;
    int32_t child = at + 1, guess = at + 1;
    int another;
    String name;
    for (another = open_many(scan, '{', '}'); another > 0; another = more(scan, '}')) {
        if (!read_name(scan, &name)) return 0;
        /* Fields mostly come in the same order: the one after the last is tried first. */
        child = guess < next ? guess : at + 1;
        int known = 1;
        for (const int32_t begin = child; !same_folded(scan->nodes + child, &name);) {
            child = scan->nodes[child].next;
            if (child >= next) child = at + 1;
            if (child == begin) {
                known = 0;
                break;
            }
        }
        if (!known) {
            if (!new_name(scan, first_name, &name) || !skip_value(scan, depth)) return 0;
            scan->surplus = 1;
            continue;
        }
        if (scan->nodes[child].length != row || !value_into(scan, child, depth)) return 0;
        guess = scan->nodes[child].next;
    }
    scan->name_count = first_name;
    if (another < 0) return 0;
    for (child = at + 1; child < next; child = scan->nodes[child].next)
        if (scan->nodes[child].length == row && !append_null(scan, child)) return 0;
    return 1;
}

static int map_into(Scan *scan, int32_t at, int depth) {
    const int32_t first = scan->name_count;
    int another;
    String name;
    for (another = open_many(scan, '{', '}'); another > 0; another = more(scan, '}'))
        if (!read_name(scan, &name) || !new_name(scan, first, &name) || !append_text(scan, scan->nodes + at + 1, &name) ||
            !value_into(scan, at + 2, depth))
            return 0;
    scan->name_count = first;
    return another == 0;
}

static int list_into(Scan *scan, int32_t at, enum tag tag, int depth) {
    int another;
    for (another = open_many(scan, '[', ']'); another > 0; another = more(scan, ']'))
        if (!(tag == L ? value_into(scan, at + 1, depth)
                       : scalar(scan, scan->nodes + at + 1, tag == SS ? S : tag == NS ? N : B)))
            return 0;
    return another == 0;
}

/* Appends the value that begins here to a node. */
static int value_into(Scan *scan, int32_t at, int depth) {
    Node *node = scan->nodes + at;
    const enum tag tag = open_value(scan);
    if (depth > DEEPEST || tag == NO_TAG) return 0;
    if (tag == NUL) return read_truth(scan) == 1 && append_null(scan, at) && expect(scan, '}');
    switch (node->kind) {
    case LIST:
        if (tag != L && tag != SS && tag != NS && tag != BS) return misfit(scan);
        if (!reserve(scan, node) || !list_into(scan, at, tag, depth + 1)) return 0;
        node->offsets[node->length + 1] = (int32_t)scan->nodes[at + 1].length;
        finish(node);
        break;
    case MAP:
        if (tag != M) return misfit(scan);
        if (!reserve(scan, node) || !map_into(scan, at, depth + 1)) return 0;
        node->offsets[node->length + 1] = (int32_t)scan->nodes[at + 1].length;
        finish(node);
        break;
    case STRUCT:
        if (tag != M) return misfit(scan);
        if (!reserve(scan, node) || !struct_into(scan, at, depth + 1)) return 0;
        finish(node);
        break;
    case BOOLEAN: {
        if (tag != BOOL) return misfit(scan);
        const int truth = reserve(scan, node) ? read_truth(scan) : -1;
        if (truth < 0) return 0;
        set_bit(node->values, node->length, truth);
        finish(node);
        break;
    }
    default:
        if (tag != S && tag != N && tag != B) return misfit(scan);
        if (!scalar(scan, node, tag)) return 0;
    }
    return expect(scan, '}');
}

/* Items and lines */

/* The member of this name among those from `first` on, or NULL. The one after the last that was found is tried first. */
static Member *member_of(Scan *scan, int32_t first, int32_t count, const String *name) {
    int32_t i = scan->guess >= first && scan->guess < first + count ? scan->guess : first;
    for (int32_t tried = 0; tried < count; tried++) {
        Member *member = scan->members + i;
        if (++i == first + count) i = first;
        if (member->length == name->length && memcmp(member->name, name->text, (size_t)name->length) == 0) {
            scan->guess = i;
            return member;
        }
    }
    return NULL;
}

static int append_bytes(Scan *scan, Node *node, const void *bytes, int64_t length) {
    if (!reserve_bytes(scan, node, length)) return 0;
    memcpy(node->values + node->written, bytes, (size_t)length);
    node->written += length;
    return 1;
}

/* ,"name": to an object that is made; the first comma of an object becomes its brace later. */
static int append_name(Scan *scan, Node *object, const uint8_t *name, int64_t length) {
    return append_bytes(scan, object, ",\"", 2) && append_bytes(scan, object, name, length) &&
           append_bytes(scan, object, "\":", 2);
}

/* Makes the nodes from `at` on, before `next`, what they were before this line. */
static void restore(Scan *scan, int32_t at, int32_t next) {
    for (; at < next; at++) {
        scan->nodes[at].length = scan->marks[at].length;
        scan->nodes[at].null_count = scan->marks[at].null_count;
        scan->nodes[at].written = scan->marks[at].written;
    }
}

/* The value that begins here as a column's: what the column cannot take goes to the rescued values. */
static int column_into(Scan *scan, int32_t at) {
    Node *node = scan->nodes + at, *rescued = scan->nodes + scan->columns + RESCUED;
    const int32_t names = scan->name_count;
    const int64_t nulls = node->null_count;
    blanks(scan);
    const uint8_t *begin = scan->at;
    scan->misfit = scan->surplus = 0;
    if (!value_into(scan, at, 0)) {
        if (!scan->misfit || node->key) return 0;
        restore(scan, at, node->next);
        scan->at = begin;
        scan->name_count = names;
        if (!skip_value(scan, 0) || !append_null(scan, at)) return 0;
    } else if (likely(!scan->surplus)) {
        scan->given += node->null_count == nulls;
        return 1;
    }
    scan->given++;
    return append_name(scan, rescued, node->name, node->name_length) &&
           append_bytes(scan, rescued, begin, scan->at - begin);
}

static int undeclared_into(Scan *scan, const String *name) {
    Node *undeclared = scan->nodes + scan->columns + UNDECLARED;
    blanks(scan);
    const uint8_t *begin = scan->at;
    return skip_value(scan, 0) && append_name(scan, undeclared, name->text, name->length) &&
           append_bytes(scan, undeclared, begin, scan->at - begin);
}

/* Appends the attributes that begin here: to their columns, or as they are to the undeclared ones. A map with columns in
   it is undeclared, too, with what no column took, and empty when nothing else says that it was there. */
static int walk(Scan *scan, int32_t first, int32_t count, int64_t row) {
    Node *undeclared = scan->nodes + scan->columns + UNDECLARED;
    const int32_t first_name = scan->name_count;
    int another;
    String name;
    for (another = open_many(scan, '{', '}'); another > 0; another = more(scan, '}')) {
        if (!read_name(scan, &name)) return 0;
        Member *member = member_of(scan, first, count, &name);
        if (!member) {
            if (!new_name(scan, first_name, &name) || !undeclared_into(scan, &name)) return 0;
        } else if (member->node >= 0) {
            if (scan->nodes[member->node].length != row || !column_into(scan, member->node)) return 0;
        } else {
            if (member->seen == scan->lines + 1) return 0;
            member->seen = scan->lines + 1;
            const uint8_t *begin = scan->at;
            if (open_value(scan) != M) {
                scan->at = begin;
                if (!undeclared_into(scan, &name)) return 0;
                continue;
            }
            const int64_t before = undeclared->written, given = scan->given;
            if (!append_name(scan, undeclared, name.text, name.length) || !append_bytes(scan, undeclared, "{\"M\":", 5)) return 0;
            const int64_t brace = undeclared->written;
            const int32_t guess = scan->guess;
            if (!walk(scan, member->first, member->count, row) || !expect(scan, '}')) return 0;
            scan->guess = guess;
            if (undeclared->written > brace) {
                undeclared->values[brace] = '{';
                if (!append_bytes(scan, undeclared, "}}", 2)) return 0;
            } else if (scan->given > given) {
                undeclared->written = before;
            } else if (!append_bytes(scan, undeclared, "{}}", 3)) return 0;
        }
    }
    scan->name_count = first_name;
    return another == 0;
}

/* Ends an object whose members were appended; null when there were none. */
static int end_object(Scan *scan, int32_t at, int64_t row) {
    Node *object = scan->nodes + at;
    if (!reserve(scan, object)) return 0;
    if (object->written == object->offsets[row]) return append_null(scan, at);
    object->values[object->offsets[row]] = '{';
    if (!append_bytes(scan, object, "}", 1)) return 0;
    finish(object);
    return 1;
}

/* Ends a row: nulls where nothing came, and what is no column's. */
static int end_row(Scan *scan, int64_t row) {
    for (int32_t at = 0; at < scan->columns; at = scan->nodes[at].next) {
        Node *node = scan->nodes + at;
        if (node->length == row) {
            if (node->key || !append_null(scan, at)) return 0;
        } else if (node->key && node->null_count) return 0;
    }
    return end_object(scan, scan->columns + UNDECLARED, row) && end_object(scan, scan->columns + RESCUED, row);
}

/* Passes over the keys, which have to be the table's. */
static int skip_keys(Scan *scan) {
    const int32_t first_name = scan->name_count;
    int32_t found = 0;
    int another;
    String name;
    for (another = open_many(scan, '{', '}'); another > 0; another = more(scan, '}')) {
        if (!read_name(scan, &name) || !new_name(scan, first_name, &name)) return 0;
        const Member *member = member_of(scan, 0, scan->root, &name);
        if (!member || member->node < 0 || !scan->nodes[member->node].key || !skip_value(scan, 0)) return 0;
        found++;
    }
    scan->name_count = first_name;
    return another == 0 && found == scan->keys;
}

/* {"WriteTimestampMicros": {"N": "..."}} */
static int metadata_into(Scan *scan) {
    Node *written = scan->nodes + scan->columns + WRITTEN;
    String name;
    if (!expect(scan, '{') || !read_name(scan, &name)) return 0;
    if (name.length != 20 || memcmp(name.text, "WriteTimestampMicros", 20) != 0) return 0;
    return value_into(scan, (int32_t)(written - scan->nodes), 0) && expect(scan, '}') && !written->null_count;
}

static int is_name(const String *name, const char *text) {
    return name->length == (int64_t)strlen(text) && memcmp(name->text, text, (size_t)name->length) == 0;
}

static int change_into(Scan *scan, int64_t row) {
    enum { METADATA = 1, KEYS = 2, OLD = 4, NEW = 8 };
    Node *deleted = scan->nodes + scan->columns + DELETED;
    const uint8_t *keys = NULL;
    int seen = 0, another;
    String name;
    for (another = open_many(scan, '{', '}'); another > 0; another = more(scan, '}')) {
        if (!read_name(scan, &name)) return 0;
        const int part = is_name(&name, "Keys") ? KEYS
                         : is_name(&name, "NewImage") ? NEW
                         : is_name(&name, "OldImage") ? OLD
                         : is_name(&name, "Metadata") ? METADATA
                                                      : 0;
        if (!part || seen & part) return 0;
        seen |= part;
        if (part == KEYS) keys = scan->at;
        if (!(part == KEYS  ? skip_keys(scan)
              : part == NEW ? walk(scan, 0, scan->root, row)
              : part == OLD ? skip_members(scan, 0)
                            : metadata_into(scan)))
            return 0;
    }
    if (another < 0 || (seen & (METADATA | KEYS)) != (METADATA | KEYS)) return 0;
    if (!(seen & NEW)) {
        const uint8_t *end = scan->at;
        scan->at = keys;
        if (!walk(scan, 0, scan->root, row)) return 0;
        scan->at = end;
    }
    if (!reserve(scan, deleted)) return 0;
    set_bit(deleted->values, row, !(seen & NEW));
    finish(deleted);
    return end_row(scan, row);
}

static int item_into(Scan *scan, int64_t row) {
    String name;
    return expect(scan, '{') && read_name(scan, &name) && is_name(&name, "Item") && walk(scan, 0, scan->root, row) &&
           expect(scan, '}') && end_row(scan, row);
}

static int note_odd(Scan *scan, int64_t start, int64_t end) {
    if (scan->odd_count == scan->odd_room) {
        const int64_t room = scan->odd_room ? scan->odd_room * 2 : 64;
        if (!resize(scan, (void **)&scan->odd, room * (int64_t)sizeof(Odd))) return 0;
        scan->odd_room = room;
    }
    scan->odd[scan->odd_count++] = (Odd){start, end, scan->lines};
    return 1;
}

/* Fills the nodes from the lines; what they held is gone. Returns how many rows they have, -1 without memory. scan->lines
   then tells how many lines there were, and scan->odd which of them are not in the nodes. */
EXPORT int64_t lakelanes_items(Scan *scan, const uint8_t *data, int64_t length) {
    int64_t rows = 0;
    scan->lines = scan->odd_count = 0;
    scan->no_memory = 0;
    for (int32_t i = 0; i < scan->node_count; i++) {
        Node *node = scan->nodes + i;
        node->length = node->null_count = node->written = 0;
        if (!node->room && !grow(scan, node)) return -1;
    }
    for (Member *member = scan->members; member->name; member++) member->seen = 0;
    for (const uint8_t *line = data, *end; line < data + length; line = end + 1) {
        end = memchr(line, '\n', (size_t)(data + length - line) + 1);
        for (int32_t i = 0; i < scan->node_count; i++)
            scan->marks[i] = (Mark){scan->nodes[i].length, scan->nodes[i].null_count, scan->nodes[i].written};
        scan->at = line;
        scan->name_count = 0;
        int good = scan->full ? item_into(scan, rows) : change_into(scan, rows);
        if (good) {
            blanks(scan);
            good = scan->at == end;
        }
        if (likely(good)) {
            rows++;
        } else {
            if (scan->no_memory) return -1;
            restore(scan, 0, scan->node_count);
            if (!note_odd(scan, line - data, end - data)) return -1;
        }
        scan->lines++;
    }
    return rows;
}

/* Gives the memory back that lakelanes_items() took. */
EXPORT void lakelanes_items_free(Scan *scan) {
    for (int32_t i = 0; i < scan->node_count; i++) {
        free(scan->nodes[i].validity);
        free(scan->nodes[i].offsets);
        free(scan->nodes[i].values);
        scan->nodes[i].validity = scan->nodes[i].values = NULL;
        scan->nodes[i].offsets = NULL;
        scan->nodes[i].room = scan->nodes[i].space = 0;
    }
    free(scan->odd);
    scan->odd = NULL;
    scan->odd_room = 0;
}

/* The kinds of columns, for every source of the library: the one list of them. Python reads it off the library.

   X(name, width, type): width is how many bytes a value has in Arrow's buffer, 0 where it has no such width; type is
   the Hive type, or, of the last two, what Python calls it. char and varchar are TEXT as well. */

#ifndef LAKELANES_KINDS_H
#define LAKELANES_KINDS_H

#include <stdint.h>

#define KINDS(X)                  \
    X(TEXT, 0, "string")          \
    X(INT8, 1, "tinyint")         \
    X(INT16, 2, "smallint")       \
    X(INT32, 4, "int")            \
    X(INT64, 8, "bigint")         \
    X(DECIMAL, 16, "decimal")     \
    X(FLOAT, 4, "float")          \
    X(DOUBLE, 8, "double")        \
    X(BOOLEAN, 0, "boolean")      \
    X(DATE, 4, "date")            \
    X(TIMESTAMP, 8, "timestamp")  \
    X(BINARY, 0, "binary")        \
    X(LIST, 0, "array")           \
    X(MAP, 0, "map")              \
    X(STRUCT, 0, "struct")        \
    X(EMPTY, 0, "empty")          \
    X(BYTES, 0, "bytes")

#define KIND_NAME(name, width, type) name,
#define KIND_WIDTH(name, width, type) width,

enum kind { KINDS(KIND_NAME) };

static inline int64_t width_of(int32_t kind) {
    static const int8_t WIDTHS[] = {KINDS(KIND_WIDTH)};
    return WIDTHS[kind];
}

/* What Python has to know of a source: numbers by name, ended by a name of NULL. lakelanes.native.library reads them and
   compares the sizes with those of its own structures. */
typedef struct {
    const char *name;
    int64_t value;
} Constant;

#define KIND_CONSTANT(name, width, type) {"kind " type, name},
#define SIZE_CONSTANT(structure) {"size " #structure, sizeof(structure)}
#define END_OF_CONSTANTS {(const char *)0, 0}

#endif

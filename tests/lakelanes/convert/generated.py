"""Generated texts, columns and files, for the properties that hold for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TYPES = [
    "string",
    "char(3)",
    "varchar(6)",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "double",
    "boolean",
    "date",
    "timestamp",
    "decimal(10,2)",
    "decimal(5,0)",
    "decimal(9,9)",
    "decimal(18,6)",
    "decimal(38,3)",
]


whole = st.integers(-(10**20), 10**20).map(str) | st.integers(-200, 200).map(str)


decimals = st.tuples(st.sampled_from(["", "-", "+"]), st.integers(0, 10**9).map(str), st.text("0123456789", max_size=8))


fixed_point = decimals.map(lambda parts: f"{parts[0]}{parts[1]}.{parts[2]}")


days = st.dates().map(str) | st.tuples(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)).map(
    lambda parts: "{:04d}-{:02d}-{:02d}".format(*parts)
)


other_days = st.dates().map(lambda day: f"{day.day:02d}.{day.month:02d}.{day.year:04d}") | st.dates().map(
    lambda day: f"{day.month}/{day.day}/{day.year % 100:02d}"
)


times = st.from_regex(r"[0-2][0-9](:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,8}0{0,3})?)?)?", fullmatch=True)


zones = st.sampled_from(["", "", "", "Z", "+01", "-0230", "+05:30", "+24:00"])


timestamps = st.builds(lambda day, gap, time, zone: day + gap + time + zone, days, st.sampled_from(" T"), times, zones)


numbers = (
    whole
    | fixed_point
    | st.floats().map(repr)
    | st.from_regex(r"[+-]?\.?[0-9]{1,4}[eE][+-]?[0-9]{1,3}", fullmatch=True)
)


words = st.sampled_from(
    ["true", "F", "Yes", "n", "0", "1", "nan", "inf", "-Infinity", "nan(1)", "1e400", "1e-45", "0x1F", "-", ".", "NULL"]
)


noise = st.text("0123456789.,-+eE :TZxé\"'\t\n\r\\", max_size=14)


plain = st.one_of(whole, fixed_point, days, timestamps, numbers, words, st.just(""))


texts = st.one_of(plain, plain, plain.map(" {} ".format), st.text(max_size=8), noise)


FORMS: list[dict[str, Any]] = [
    {"date_format": "%d.%m.%Y", "timestamp_format": "%d/%m/%Y %H:%M:%S.%f"},
    {"date_format": "%m/%d/%y", "timestamp_format": "%m/%d/%Y %I:%M %p"},
    {"decimal_separator": ","},
    {"decimal_separator": ",", "thousands_separator": "."},
    {"decimal_separator": ".", "thousands_separator": "\u2019"},
    {"decimal_separator": ".", "thousands_separator": ","},
]


commas = fixed_point.map(lambda text: text.replace(".", ",")) | st.integers(0, 10**8).map("{:,}".format)


other_times = st.datetimes().map(lambda time: f"{time:%d/%m/}{time.year:04d}{time: %H:%M:%S.%f}") | st.datetimes().map(
    lambda time: f"{time.year:04d}{time:%m%d%H%M%S%f}"
)


KINDS = [whole, fixed_point, days, timestamps, numbers, words, texts, texts, other_days, other_times, commas]


structure = st.text('ab,"\r\n', max_size=40)


def csv_written(records: list[list[str]], delimiter: str = ",", line_end: str = "\n", quote: str = '"') -> bytes:
    """Records as a careful program writes them: quoted where needed."""
    lines = []
    for record in records:
        cells = []
        for cell in record:
            if any(character in cell for character in (delimiter, quote, "\r", "\n")):
                cell = quote + cell.replace(quote, quote * 2) + quote
            cells.append(cell)
        lines.append(delimiter.join(cells) + line_end)
    return "".join(lines).encode(errors="surrogatepass")


def written_as(moment: Any, form: str) -> str:
    """strftime, with four digits for every year."""
    return moment.strftime(form.replace("%Y", f"{moment.year:04d}"))


def grouped(forms: dict[str, Any]) -> st.SearchStrategy[str]:
    """Numbers in these separators, and some that are nearly so."""
    thousands = forms.get("thousands_separator") or ""
    swap = str.maketrans({",": thousands, ".": forms["decimal_separator"]})
    plain = st.decimals(-(10**8), 10**8, places=2).map(lambda number: f"{number:,}".translate(swap))
    return (
        plain | plain | plain.map(lambda text: text.replace(thousands, "", 1)) | st.text("01239.,\u2019-e", max_size=9)
    )


def _good_cells(forms: dict[str, Any]) -> dict[str, Any]:
    """Texts that the types accept, by type; those that are not named are numbers."""
    good = {
        "string": st.text(max_size=6),
        "char(3)": st.text("abé", max_size=3),
        "varchar(6)": st.text(max_size=6),
        "double": st.floats().map(repr),
        "boolean": st.sampled_from(["true", "F", "Yes", "0"]),
        "date": st.dates().map(str),
        "timestamp": st.datetimes().map(str),
    }
    if "date_format" in forms:
        good["date"] = st.dates().map(lambda day: written_as(day, forms["date_format"])) | good["date"]
    if "timestamp_format" in forms:
        good["timestamp"] = st.datetimes().map(lambda time: written_as(time, forms["timestamp_format"]))
    if "decimal_separator" in forms:
        good |= dict.fromkeys([kind for kind in TYPES if kind not in good or kind == "double"], grouped(forms))
    return good


ESCAPED = [r"\N", r"\\N", r" \N ", "N", r"\NULL", r"a\,b", r"a\nb", r"\ ", "\\"]


def _damaged(draw: st.DrawFn, rows: bytes, delimiter: str, quote: str) -> bytes:
    """The rows with a few bytes put somewhere, and cut off somewhere, or as they are."""
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        at = draw(st.integers(0, len(rows)))
        inserted = draw(
            st.sampled_from([quote, quote, "\n", "\r", delimiter, "\n\n", " ", delimiter + quote]).map(str.encode)
            | st.binary(max_size=2)
        )
        rows = rows[:at] + inserted + rows[at:]
    return rows[: draw(st.integers(0, len(rows)))] if draw(st.booleans()) else rows


def _encoded(draw: st.DrawFn, data: bytes, header_bytes: int, dialect: dict[str, Any]) -> bytes:
    """The file in an encoding, which goes into the dialect, with a few bytes after the header that it may not have."""
    encoding = draw(st.sampled_from(["utf-8"] * 5 + ["cp1252", "utf-16", "shift_jis"]))
    if encoding == "utf-8":
        return data
    dialect["encoding"] = encoding
    data = data.decode(errors="replace").encode(encoding, "replace")
    for _ in range(draw(st.sampled_from([0, 1, 3])) if encoding != "utf-16" else 0):
        at = draw(st.integers(header_bytes, max(header_bytes, len(data))))
        data = data[:at] + draw(st.sampled_from([b"\x81", b"\xff", b"\xc3\xa9"])) + data[at:]
    return data


COMMENTS = ["#", "# it's 5\" long", "#\\", '#,"', "##"]


def _with_lines(draw: st.DrawFn, rows: bytes, lines: list[str], line_end: str) -> bytes:
    """The rows with some of these lines put in after line ends."""
    for _ in range(draw(st.sampled_from([0, 1, 3]))):
        ends = [0, *(at + len(line_end) for at in range(len(rows)) if rows.startswith(line_end.encode(), at))]
        at = draw(st.sampled_from(ends))
        rows = rows[:at] + f"{draw(st.sampled_from(lines))}{line_end}".encode() + rows[at:]
    return rows


def _left_out(draw: st.DrawFn, dialect: dict[str, Any], width: int) -> list[str]:
    """Settings of lines to leave out, which go into the dialect, and some such lines."""
    lines: list[str] = []
    if draw(st.booleans()):
        dialect["comment"] = "#"
        lines += COMMENTS
    if draw(st.booleans()):
        dialect["skip_empty_rows"] = True
        lines += [dialect["delimiter"] * count for count in (width - 1, width, 1)]
    if dialect.get("header", True) and draw(st.booleans()):
        dialect["skip_repeated_headers"] = True
    return lines


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, dict[str, str], dict[str, Any]]:
    """A file, its table's types, and its dialect: clean, dirty or damaged."""
    marks = [(",", '"')] * 3 + [(";", "'"), ("\t", '"'), ("||", '"'), ("\u00a7", "'")]
    delimiter, quote = draw(st.sampled_from(marks))
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    types = {f"c{position}": kind for position, kind in enumerate(kinds)}
    names = draw(st.permutations(list(types)))
    forms: dict[str, Any] = draw(st.sampled_from([{}, {}, *FORMS]))
    good = _good_cells(forms)
    cells = {
        name: st.one_of(*[good.get(kind, st.integers(-100, 100).map(str))] * 6, st.just(""), texts)
        for name, kind in types.items()
    }
    rows = draw(st.lists(st.tuples(*(cells[name] for name in names)).map(list), max_size=12))
    for row in rows:
        if draw(st.integers(0, 9)) == 0:
            row[:] = draw(st.lists(texts, max_size=5))
    rows *= draw(st.sampled_from([1, 1, 1, 3, 40]))
    line_end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    dialect: dict[str, Any] = {"delimiter": delimiter, "quote": quote}
    if draw(st.integers(0, 3)) == 0:
        dialect["quotes"] = "lenient"
    if draw(st.integers(0, 3)) == 0:
        dialect["escape"] = "\\"
        for row in rows:
            row[:] = [cell.replace("\\", "\\\\") if draw(st.booleans()) else cell for cell in row]
            if row and draw(st.booleans()):
                row[draw(st.integers(0, len(row) - 1))] = draw(st.sampled_from(ESCAPED))
    if draw(st.booleans()):
        dialect["header"] = draw(st.booleans())
        dialect["trailing_delimiter"] = draw(st.booleans())
        dialect["skip_rows"] = draw(st.sampled_from([0, 0, 1, 3]))
    if dialect.get("trailing_delimiter"):
        rows = [[*row, draw(st.sampled_from(["", "", "", "NULL", "x"]))] for row in rows]
    elif draw(st.integers(0, 3)) == 0:
        dialect["pad_short_rows"] = True
    lines = _left_out(draw, dialect, len(names)) if draw(st.booleans()) else []
    preamble = [f'line {number} "{delimiter}' for number in range(dialect.get("skip_rows", 0))]
    above = draw(st.lists(st.sampled_from(lines), max_size=2)) if lines else []
    head = "".join(line + line_end for line in [*preamble, *above]).encode()
    if dialect.get("header", True):
        header = [*names, ""] if dialect.get("trailing_delimiter") and draw(st.booleans()) else list(names)
        head += csv_written([header], delimiter, line_end, quote)
        if dialect.get("skip_repeated_headers"):
            lines += [delimiter.join(header), "\ufeff" + delimiter.join(header)]
    else:
        types = {name: types[name] for name in names}
    data = csv_written(rows, delimiter, line_end, quote)
    if lines:
        data = _with_lines(draw, data, lines, line_end)
    data = head + _damaged(draw, data, delimiter, quote)
    if draw(st.integers(0, 3)) == 0:
        dialect["skip_footer"] = draw(st.integers(1, 3))
        footer = [draw(st.sampled_from(["Total", '"', delimiter])) for _ in range(dialect["skip_footer"])]
        data += "".join(line_end + line for line in footer).encode()
        data += draw(st.sampled_from([b"", line_end.encode(), line_end.encode() * 2]))
    return _encoded(draw, data, len(head), dialect), types, dialect | forms


# What may be said of the values of one column, by kinds of types; each is also drawn for a whole dialect.
_OF_NUMBERS: list[dict[str, Any]] = [
    {"trailing_minus": True},
    {"parentheses": True},
    {"currencies": ("$", "EUR", "US$", "Fr.")},
    {"percent": "number"},
    {"percent": "fraction"},
    {"trailing_minus": True, "parentheses": True, "currencies": ("$", "\u20ac"), "percent": "fraction"},
    {"trailing_minus": True, "currencies": ("EUR",), "decimal_separator": ",", "thousands_separator": "."},
    {"parentheses": True, "percent": "number", "thousands_separator": "\u2019"},
]
_OF_TIMESTAMPS: list[dict[str, Any]] = [
    {"timestamp_format": "epoch_seconds"},
    {"timestamp_format": "epoch_milliseconds", "beyond_microseconds": "cut"},
    {"timestamp_format": "epoch_microseconds"},
    {"beyond_microseconds": "cut"},
    {"timestamp_format": "%d/%m/%Y %H:%M:%S.%f", "beyond_microseconds": "cut"},
    {"timestamp_format": "%d/%m/%Y %H:%M:%S.%f"},
]
_OF_BOOLEANS: list[dict[str, Any]] = [
    {"true_values": ("ja", "X"), "false_values": ("nein", "")},
    {"true_values": ("\u2713",), "false_values": ("NULL", "-")},
    {"false_values": ("no", "off")},
]
_OF_DATES: list[dict[str, Any]] = [{"date_format": "%d.%m.%Y"}, {"date_format": "%m/%d/%y"}]
_OF_ALL: list[dict[str, Any]] = [
    {"quoted_nulls": True},
    {"null_values": ()},
    {"null_values": ("-", "2024-01-01", "ab", "0")},
    {"null_values": ("", "0", "n", "1970-01-01"), "quoted_nulls": True},
    {"required": True},
]
_OF_TEXTS: list[dict[str, Any]] = [{"trim": True}, {"trim": True, "quoted_nulls": True}]
OF_DIALECTS = [
    *({"trim": True}, {"trim": True}, {"quoted_nulls": True}, {"trim": True, "quoted_nulls": True}),
    *(*_OF_NUMBERS, *_OF_TIMESTAMPS, *_OF_BOOLEANS, *_OF_DATES),
]


def own_settings(hive_type: str) -> list[dict[str, Any]]:
    """What a column of this type may have of its own."""
    kind = hive_type.partition("(")[0]
    of_kind = {"date": _OF_DATES, "timestamp": _OF_TIMESTAMPS, "boolean": _OF_BOOLEANS}
    of_kind |= dict.fromkeys(("string", "char", "varchar"), _OF_TEXTS)
    numbers = _OF_NUMBERS
    if kind.endswith("int"):
        numbers = [settings for settings in numbers if "decimal_separator" not in settings]
    return [*of_kind.get(kind, numbers), *_OF_ALL]


_blank = st.sampled_from(["", "", "", " ", "\u00a0"])
_bare = st.integers(0, 10**7).map(str) | st.tuples(st.integers(0, 999), st.integers(0, 9999)).map(
    "{0[0]}.{0[1]}".format
)
_bare |= st.sampled_from(["1.234,5", "1\u2019234", "0", ".5", "7.", "1e2", "1e-3", "100", "1,5"])
_around = st.sampled_from(["", "", "", "-", "+", "(", ")", "$", "EUR", "US$", "Fr.", "\u20ac", "%", "--", "CHF"])
marked = st.builds(
    lambda parts, gap: gap.join(parts).strip(),
    st.tuples(_around, _around, _bare, _around, _around) | st.tuples(st.just("("), _bare, st.just(")")),
    _blank,
)
long_fractions = st.builds(
    lambda moment, digits, tail: f"{written_as(moment, '%Y-%m-%d %H:%M:%S')}.{digits}{tail}",
    st.datetimes(),
    st.text("0123456789", min_size=6, max_size=8) | st.just("1234560"),
    st.sampled_from(["", "", "", "Z", "+01:00"]),
) | st.builds(
    lambda moment, digits: f"{written_as(moment, '%d/%m/%Y %H:%M:%S')}.{digits}",
    st.datetimes(),
    st.text("0123456789", min_size=1, max_size=10) | st.just("1234560"),
)
_units = st.integers(-10, 10) | st.integers(-(10**10), 10**10) | st.integers(-(10**18), 10**18)
since_epoch = _units.map(str) | st.tuples(_units, st.text("0123456789", max_size=8)).map("{0[0]}.{0[1]}".format)
words_of_booleans = st.sampled_from(["ja", "JA", "Nein", "x", "X", "", "\u2713", "-", "off", "no", "true", "NULL", "0"])
nulls_and_near = st.sampled_from(["", " ", "NULL", " NULL", "\t", "-", "0", "n", "2024-01-01", "ab", " ab ", "null"])


@st.composite
def _numbers_of(draw: st.DrawFn, hive_type: str, forms: dict[str, Any]) -> str:
    """A number in these forms; of small types mostly one that fits."""
    scale = int(hive_type.rstrip(")").partition(",")[2] or 0) if hive_type.startswith("decimal") else 0
    places = draw(st.integers(0, min(scale, 4))) if hive_type != "double" else draw(st.integers(0, 4))
    most = 0 if hive_type == "decimal(9,9)" else 100
    number = f"{draw(st.integers(0, most))}" + f".{draw(st.integers(0, 10**places - 1)):0{places}d}" * bool(places)
    thousands = forms.get("thousands_separator") or ""
    if thousands and draw(st.booleans()):
        number = f"{draw(st.integers(1, 99))}{thousands}{number.rjust(3, '0') if not places else '125.5'}"
    number = number.replace(".", forms.get("decimal_separator", ".")) if not thousands else number
    if forms.get("percent") and draw(st.booleans()):
        number += draw(st.sampled_from(["%", " %"]))
    gap = draw(st.sampled_from(["", " ", "\u00a0"]))
    signs = (
        ["{}", "-{}", "+{}"] + ["{}-"] * bool(forms.get("trailing_minus")) + ["({})"] * bool(forms.get("parentheses"))
    )
    sign = draw(st.sampled_from(signs))
    if not forms.get("currencies") or draw(st.booleans()):
        return sign.format(number)
    currency = draw(st.sampled_from(forms["currencies"]))
    before, after = f"{currency}{gap}{{}}", f"{{}}{gap}{currency}"
    outer, inner = draw(st.sampled_from([("{}", before), ("{}", after), (before, "{}"), (after, "{}")]))
    return outer.format(sign.format(inner.format(number)))


def _timestamps_of(forms: dict[str, Any]) -> st.SearchStrategy[str]:
    form = forms.get("timestamp_format", "%Y-%m-%d %H:%M:%S.%f")
    if form.startswith("epoch"):
        return since_epoch
    tail = st.sampled_from(["", "", "0", "00", "5", "123"])
    return st.builds(lambda moment, more: written_as(moment, form) + more, st.datetimes(), tail)


def texts_of(hive_type: str, forms: dict[str, Any]) -> st.SearchStrategy[str]:
    """Texts of a column: most are values in these forms, others nearly so."""
    kind = hive_type.partition("(")[0]
    words = [*forms.get("true_values", ("yes",)), *forms.get("false_values", ("no",))]
    good = {
        "date": st.dates().map(lambda day: written_as(day, forms.get("date_format", "%Y-%m-%d"))),
        "timestamp": _timestamps_of(forms),
        "boolean": st.sampled_from([*words, *map(str.upper, words)]),
        **dict.fromkeys(("string", "char", "varchar"), st.text("ab\u00e9", max_size=3)),
    }
    near = {
        "date": days | other_days,
        "timestamp": long_fractions | since_epoch | timestamps,
        "boolean": words_of_booleans,
        **dict.fromkeys(("string", "char", "varchar"), st.text(' \tab,"\u00e9', max_size=5)),
    }
    mostly = good.get(kind, _numbers_of(hive_type, forms))
    others = st.one_of(nulls_and_near, near.get(kind, marked), texts)
    # Not one_of() of both, which would ask as often for each branch of the others.
    return st.integers(0, 9).flatmap(lambda number: mostly if number else others)


@st.composite
def files_of_forms(draw: st.DrawFn) -> tuple[bytes, dict[str, str], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A file whose dialect and columns say in which forms values are: it, its table's types, the dialect, what that
    says of values, and what columns have of their own."""
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3))
    types = {f"c{position}": kind for position, kind in enumerate(kinds)}
    forms = draw(st.sampled_from([{}, *OF_DIALECTS]))
    columns = {name: draw(st.sampled_from([{}, {}, *own_settings(kind)])) for name, kind in types.items()}
    columns = {
        name: own | ({"required": True} if draw(st.integers(0, 9)) == 0 else {}) for name, own in columns.items()
    }
    # A comma for the thousands of the one and the decimals of the other is refused.
    if forms.get("decimal_separator") and any("thousands_separator" in own for own in columns.values()):
        forms = {}
    delimiter = draw(st.sampled_from([",", ",", ";", "\t"]))
    dialect: dict[str, Any] = {"delimiter": delimiter}
    if draw(st.integers(0, 3)) == 0:
        dialect["quotes"] = "lenient"
    if draw(st.integers(0, 3)) == 0:
        dialect["escape"] = "\\"
    if draw(st.integers(0, 4)) == 0:
        dialect["trailing_delimiter"] = True

    def written(cell: str) -> str:
        gap = draw(st.sampled_from(["", "", "", " ", "\t ", "  "]))
        if any(character in cell for character in f'{delimiter}"\r\n') or draw(st.integers(0, 2)) == 0:
            cell = '"' + cell.replace('"', '""') + '"'
            gap = gap if forms.get("trim") or draw(st.integers(0, 9)) == 0 else ""
        side = draw(st.integers(0, 2))
        return gap * (side != 1) + cell + gap * (side != 0)

    ends = [""] if dialect.get("trailing_delimiter") else []
    rows = draw(
        st.lists(st.tuples(*(texts_of(kind, forms | columns[name]) for name, kind in types.items())), max_size=8)
    )
    lines = [
        [*map(written, row), *([draw(st.sampled_from(["", "", " ", "x"]))] if ends else [])] for row in rows
    ] * draw(st.sampled_from([1, 1, 1, 30]))
    line_end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    head = (delimiter.join([*types, *ends]) + line_end).encode()
    body = "".join(delimiter.join(line) + line_end for line in lines).encode(errors="surrogatepass")
    if draw(st.integers(0, 2)) == 0:
        body = _damaged(draw, body, delimiter, '"')
    return head + body, types, dialect, forms, columns


def comparable(rows: list[tuple[Any, ...]] | None) -> list[tuple[Any, ...]]:
    """NaN equals itself here."""
    return [tuple("nan" if value != value else value for value in row) for row in rows or []]

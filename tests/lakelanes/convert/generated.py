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


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, dict[str, str], dict[str, Any]]:
    """A file, its table's types, and its dialect: clean, dirty or damaged."""
    delimiter, quote = draw(st.sampled_from([(",", '"'), (",", '"'), (";", "'"), ("\t", '"')]))
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
    preamble = [f'line {number} "{delimiter}' for number in range(dialect.get("skip_rows", 0))]
    head = "".join(line + line_end for line in preamble).encode()
    if dialect.get("header", True):
        head += csv_written(
            [[*names, ""] if dialect.get("trailing_delimiter") and draw(st.booleans()) else list(names)],
            delimiter,
            line_end,
            quote,
        )
    else:
        types = {name: types[name] for name in names}
    data = head + csv_written(rows, delimiter, line_end, quote)
    data = head + _damaged(draw, data[len(head) :], delimiter, quote)
    return _encoded(draw, data, len(head), dialect), types, dialect | forms


def comparable(rows: list[tuple[Any, ...]] | None) -> list[tuple[Any, ...]]:
    """NaN equals itself here."""
    return [tuple("nan" if value != value else value for value in row) for row in rows or []]

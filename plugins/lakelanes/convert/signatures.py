"""Files that are no CSV text, told by how they begin, and what to do with each.

A signature of letters alone, such as `PAR1`, could begin a header: a control character has to follow it.
"""

from __future__ import annotations

import re
import struct

HEAD_BYTES = 512
"""How many first bytes format_of() looks at: a block of tar."""

_PACK_OTHERWISE = "pack it with gzip, bzip2, zstandard or zip"
_EXPORT = "save the sheet as CSV"
_SEND_ITSELF = "upload the CSV file in it by itself"
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")

# First bytes -> name.
_FORMATS = {
    # https://tukaani.org/xz/xz-file-format.txt, https://py7zr.readthedocs.io/en/latest/archive_format.html
    b"\xfd7zXZ\0": f"xz ({_PACK_OTHERWISE})",
    b"7z\xbc\xaf\x27\x1c": f"a 7z archive ({_PACK_OTHERWISE})",
    b"Rar!\x1a\x07": f"a RAR archive ({_PACK_OTHERWISE})",
    # https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
    b"\x04\x22\x4d\x18": f"lz4 ({_PACK_OTHERWISE})",
    # https://github.com/google/snappy/blob/main/framing_format.txt
    b"\xff\x06\x00\x00sNaPpY": f"snappy ({_PACK_OTHERWISE})",
    b"\x1f\x9d": f"packed with compress ({_PACK_OTHERWISE})",
    # https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb/05060311-bfce-4b12-874d-71fd4ce63aea
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": f"an Excel workbook (.xls) or another file of Office ({_EXPORT})",
    b"Obj\x01": "Avro",
    b"ARROW1\0\0": "Arrow",
    b"SQLite format 3\0": "an SQLite database",
    b"%PDF-": "PDF",
    # https://parquet.apache.org/docs/file-format/, https://orc.apache.org/specification/ORCv1/
    b"PAR1": "Parquet",
    b"ORC": "ORC",
}
_OF_TEXT = (b"PAR1", b"ORC")

# Parts of an Office Open XML file (ISO/IEC 29500-2), one of which is the first in the archive.
_OFFICE_PART = re.compile(rb"\[Content_Types\]\.xml|(?:_rels|docProps|xl|word|ppt|customXml)/.*\.(?:xml|rels)")
# OpenDocument 1.3, part 2, 3.3: the first file is named so, and holds the type.
_OPEN_DOCUMENT = b"mimetypeapplication/vnd.oasis.opendocument"
_ZIP, _ZIP_HEADER = b"PK\x03\x04", 30


def format_of(head: bytes) -> str | None:
    """The format of a file of these first bytes that cannot be read as CSV, with what to do about it where that is to
    be said; None for text, and for what is packed in a way that can be read."""
    for magic, name in _FORMATS.items():
        if head.startswith(magic) and (magic not in _OF_TEXT or head == magic or _BINARY.search(head, 4, 64)):
            return name
    if head[257:262] == b"ustar":  # POSIX.1-2017, pax, "ustar Interchange Format"
        return f"a tar archive ({_SEND_ITSELF})"
    return _document(head) if head.startswith(_ZIP) else None


def _document(head: bytes) -> str | None:
    """Which kind of document the first file in a zip archive shows it to be; None for an archive.

    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7
    """
    if len(head) < _ZIP_HEADER:
        return None
    name_length, extra_length = struct.unpack_from("<HH", head, 26)
    name = head[_ZIP_HEADER : _ZIP_HEADER + name_length]
    if _OFFICE_PART.fullmatch(name):
        return f"an Excel workbook (.xlsx) or another file of Office ({_EXPORT})"
    content = head[_ZIP_HEADER + name_length + extra_length :]
    if (name + content).startswith(_OPEN_DOCUMENT):
        return f"an OpenDocument file, such as .ods ({_EXPORT})"
    return None

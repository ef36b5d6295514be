"""What queries keep of objects."""

from __future__ import annotations

from localaws.athena.objects import Kept


def test_what_was_not_used_for_longest_goes_first() -> None:
    kept: Kept[str, bytes] = Kept(16, len)
    for name in "abcdefgh":
        kept.put(name, b"xx")
    assert kept.get("a") == b"xx"
    kept.put("i", b"xx")
    assert [name for name in "abcdefghi" if kept.get(name) is None] == ["b"]


def test_what_takes_more_than_an_eighth_of_the_room_is_not_kept() -> None:
    kept: Kept[str, bytes] = Kept(16, len)
    kept.put("large", b"xxx")
    assert kept.get("large") is None

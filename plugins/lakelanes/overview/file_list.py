"""Files of all entities in one list, in any order, and those whose key has a text in it.

The ledger's index by_state has the files of one entity in one state by the time of their last change, and no index has
them by anything else. So what is asked here is read from that index, all entities and states merged, newest first, and
never further than a bound:

    question                        read from the ledger
    by time, newest or oldest first what is shown, and a page of each entity and state
    by any other column             the MOST_SORTED files that changed last
    keys with a text in them        SEARCHED files at a time, from where the page before ended

Keys that start with the text come first, from S3, which has all of them in order. Every answer says how far it went.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

from lakelanes.aws.storage import place_of
from lakelanes.concurrently import map_concurrently
from lakelanes.files.ignored_names import is_ignored
from lakelanes.ledger.entries import Entry, State
from lakelanes.ledger.summaries import FILE_STATES
from lakelanes.overview.files import LISTED, FileFound, SearchPage, search, search_prefixes

if TYPE_CHECKING:
    from lakelanes.lake import Lake

Order = Literal["changed", "file", "entity", "state", "rows", "bad", "size"]
MOST_SORTED = 1000
SEARCHED = 5000
# Listings of S3 that one page of a search takes at most, where much of what they name is not the user's to see.
_LISTINGS = 10
# Of each entity and state so many are asked for at a time, at least and at most.
_LEAST, _MOST = 10, 500
# Where a search goes on: among the keys that start with the text, or among the others.
_KEYS, _OTHERS = "key:", "changed:"
# Of the files that a search has read last so many are looked through for one that its cursor may name.
_LAST = 50


@dataclass(frozen=True)
class Choice:
    """Which files are asked for: of these entities; of_none: those of no entity, too. state: '' for any."""

    entities: tuple[str, ...]
    of_none: bool
    state: State | Literal[""] = ""

    @property
    def questions(self) -> list[tuple[str, State]]:
        """The keys of the index by_state: an entity, '' for none, and a state."""
        states = [state for state in FILE_STATES if self.state in ("", state)]
        of_none: list[tuple[str, State]] = [("", "unmatched")] if self.state in ("", "unmatched") else []
        return [*((name, state) for name in self.entities for state in states), *(of_none if self.of_none else [])]

    def has(self, one: FileFound) -> bool:
        """Whether a file that was found by its key is one of them."""
        if self.state and (one.entry is None or one.entry.state != self.state):
            return False
        owners = owners_of(one)
        return bool(owners & set(self.entities)) if owners else self.of_none


@dataclass(frozen=True)
class FileList:
    """Files in the order that was asked for, and where the next page begins; '' at the end.

    among: of how many files these are the first, where they had to be read to be sorted; None by time, where the order
    is that of all files. since: when the oldest of those changed last; '' where all were read.
    """

    entries: list[Entry]
    after: str = ""
    among: int | None = None
    since: str = ""


@dataclass(frozen=True)
class FilesFound:
    """Files by a text in their keys, and where the next page begins; '' at the end.

    starting: those whose key starts with it, in the order of keys. having: others, newest change first, from among
    ``read`` files. since: when the oldest of these changed last; '' where none was read, or all were.
    many: whether more keys start with the text than a page shows, so that none of them are in ``having``.
    """

    starting: list[FileFound]
    having: list[FileFound]
    after: str = ""
    read: int = 0
    since: str = ""
    many: bool = False


def list_files(
    lake: Lake, choice: Choice, order: Order = "changed", *, descending: bool = True, limit: int = 50, after: str = ""
) -> FileList:
    """A page of the files. after: as the page before gave it."""
    if order == "changed":
        files = _by_change(lake, choice, _place(after), newest_first=descending, expected=limit, fields=LISTED)
        page = list(islice(files, limit + 1))
        more = len(page) > limit
        return FileList(page[:limit], _cursor(page[limit - 1]) if more else "")
    files = _by_change(lake, choice, None, newest_first=True, expected=MOST_SORTED, fields=LISTED)
    read = list(islice(files, MOST_SORTED + 1))
    since = read[MOST_SORTED - 1].updated_at if len(read) > MOST_SORTED else ""
    read = read[:MOST_SORTED]
    # Of equal ones the newest first: the order in which they were read stays.
    ordered = sorted(read, key=_KEYS_OF[order], reverse=descending)
    start = int(after) if after.isdecimal() else 0
    end = start + limit
    return FileList(ordered[start:end], str(end) if end < len(ordered) else "", len(ordered), since)


def find_files(
    lake: Lake, text: str, choice: Choice, visible: frozenset[str], *, limit: int = 50, after: str = ""
) -> FilesFound:
    """A page of the files whose key has the text in it, first those whose key starts with it. Upper and lower case
    differ in the start of a key, as S3 has it, and are the same elsewhere.

    visible: the entities that may be told of. A file that was once another's is left out with that.
    """
    text = text.strip().removeprefix(f"s3://{lake.config.resources.source_bucket}/")
    if not text:
        return FilesFound([], [])

    def is_meant(one: FileFound) -> bool:
        return owners_of(one) <= visible and choice.has(one)

    starting: list[FileFound] = []
    if after.startswith(_OTHERS):
        first = search(lake, text, limit=limit)
        known = None if first.after else {one.key for one in first.found}
        after = after.removeprefix(_OTHERS)
    else:
        after = after.removeprefix(_KEYS)
        page, known = _starting(lake, text, is_meant, limit, after)
        if page.after:
            return FilesFound(page.found, [], _KEYS + page.after, many=True)
        starting, after = page.found, ""
    if len(starting) >= limit:
        return FilesFound(starting, [], _OTHERS, many=known is None)
    return _others(lake, text, choice, starting, known, is_meant, limit - len(starting), after)


def owners_of(one: FileFound) -> set[str]:
    """The entities of a file: the one that takes it now, and the one that it was loaded for."""
    return {owner for owner in (one.entity, one.entry and one.entry.entity) if owner}


def _starting(
    lake: Lake, text: str, is_meant: Callable[[FileFound], bool], limit: int, after: str
) -> tuple[SearchPage, set[str] | None]:
    """Files whose key starts with the text, and all such keys where one listing has them; None where it has not.

    The cursor is the key of a file that is shown, for a key may tell what the user may not see; where none follows
    within _LISTINGS listings, they end.
    """
    for number in range(_LISTINGS):
        found = search(lake, text, limit=limit, after=after)
        known = {one.key for one in found.found} if not (after or found.after or number) else None
        meant = [one for one in found.found if is_meant(one)]
        if meant or not found.after:
            return SearchPage(meant, meant[-1].key if found.after else ""), known
        after = found.after
    return SearchPage([]), None


def _others(
    lake: Lake,
    text: str,
    choice: Choice,
    starting: list[FileFound],
    known: set[str] | None,
    is_meant: Callable[[FileFound], bool],
    limit: int,
    after: str,
) -> FilesFound:
    """The files whose key has the text elsewhere. known: keys in the bucket that start with it; None where there are
    too many to be known, and every key that starts with it counts as one of those."""
    prefixes, folded = tuple(search_prefixes(lake, text)), text.casefold()
    sources, read, recent = list[str](), 0, deque[FileFound](maxlen=_LAST)
    fields = ("source", "updated_at", "entity", "state")
    files = _by_change(lake, choice, _place(after), newest_first=True, expected=SEARCHED, fields=fields)
    for entry in islice(files, SEARCHED):
        read += 1
        key = place_of(entry.source)[1]
        one = FileFound.of(lake, key, None, entry)
        recent.append(one)
        is_told = key.startswith(prefixes) if known is None else key in known
        if folded in key.casefold() and not is_told and is_meant(one):
            sources.append(entry.source)
            if len(sources) == limit:
                break
    last = recent[-1].entry if recent and next(files, None) is not None else None
    entries = lake.ledger.get_many(sources)
    found = [FileFound.of(lake, place_of(one)[1], None, entries[one]) for one in sources if one in entries]
    return FilesFound(
        starting,
        found,
        _OTHERS + _cursor_of(recent, is_meant) if last else "",
        read,
        last.updated_at if last else "",
        known is None,
    )


def _cursor_of(recent: deque[FileFound], is_meant: Callable[[FileFound], bool]) -> str:
    """Where a search goes on that has read these files last: from a file that may be told of, since those after it
    would not be shown again; where none of them may be, from the moment of the last."""
    for one in reversed(recent):
        if one.entry and is_meant(one):
            return _cursor(one.entry)
    last = recent[-1].entry
    return f"{last.updated_at}|" if last else ""


def _by_change(
    lake: Lake,
    choice: Choice,
    after: tuple[str, str] | None,
    *,
    newest_first: bool,
    expected: int,
    fields: Sequence[str],
) -> Iterator[Entry]:
    """The files in the order of their last change, over all entities and states; without those of no entity whose names
    are ignored by now. expected: how many will be taken, about."""
    questions = choice.questions
    page = min(_MOST, max(_LEAST, 2 * expected // max(len(questions), 1))) + 1
    streams = [
        lake.ledger.by_change(*question, after=after, newest_first=newest_first, page=page, fields=fields)
        for question in questions
    ]
    # The first request of each at the same time; most have no second one.
    begun = map_concurrently(lambda stream: list(islice(stream, 1)), streams)
    ordered = [chain(first, rest) for first, rest in zip(begun, streams, strict=True)]
    seen = set[str]()
    for entry in merge(*ordered, key=lambda entry: (entry.updated_at, entry.source), reverse=newest_first):
        # A file that changed between two requests is in both states.
        if entry.source in seen or (not entry.entity and _is_ignored(lake, entry)):
            continue
        seen.add(entry.source)
        yield entry


def _is_ignored(lake: Lake, entry: Entry) -> bool:
    return is_ignored(lake.config, place_of(entry.source)[1])


_KEYS_OF: dict[str, Callable[[Entry], Any]] = {
    "file": lambda entry: (entry.source.rsplit("/", 1)[-1].casefold(), entry.source),
    "entity": lambda entry: entry.entity,
    "state": lambda entry: entry.state,
    "rows": lambda entry: entry.rows_loaded or 0,
    "bad": lambda entry: entry.rows_bad or 0,
    "size": lambda entry: entry.size,
}


def _cursor(entry: Entry) -> str:
    return f"{entry.updated_at}|{entry.source}"


def _place(cursor: str) -> tuple[str, str] | None:
    updated_at, mark, source = cursor.partition("|")
    return (updated_at, source) if mark else None

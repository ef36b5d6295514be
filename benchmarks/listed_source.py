"""A source bucket of any number of keys, which are listed as S3 lists them: the local AWS would have to hold an object
for each.

Everything that does not concern this bucket goes on to the local AWS. The objects cannot be read here
(``benchmarks.large_source`` can have them read), and what else can be asked of a bucket is refused.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from urllib.parse import parse_qs, quote, unquote, urlsplit

from benchmarks.proxy import CountingProxy, headers_of, operation

ETAG = '"0123456789abcdef0123456789abcdef-1"'
WRITTEN = ("2024-03-15T00:00:00.000Z", "Fri, 15 Mar 2024 00:00:00 GMT")
_PAGE = 1000
_KNOWN = frozenset(
    {"list-type", "prefix", "delimiter", "start-after", "continuation-token", "max-keys", "encoding-type"}
)
# Sorts after every key that begins with what it is appended to.
_LAST = "\U0010ffff"


class ListedSource(CountingProxy):
    """The endpoint of an AWS whose bucket ``bucket`` holds objects of ``size`` bytes with these keys, and nothing else.

    keys: sorted. All objects have one ETag and one date, as copies of one file may.
    """

    def __init__(self, endpoint_url: str, bucket: str, keys: Sequence[str], size: int) -> None:
        super().__init__(endpoint_url)
        self._bucket, self._keys, self._size = bucket, keys, size

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        target = urlsplit(head.split(b" ", 2)[1].decode("latin-1"))
        bucket, _, key = unquote(target.path).strip("/").partition("/")
        if bucket != self._bucket:
            return False
        asked = operation(head)
        if asked == "s3.ListObjectsV2":
            body = self.listing(parse_qs(target.query, keep_blank_values=True))
            await self._send(writer, "200 OK", body.encode(), "Content-Type: application/xml")
        else:
            await self._answer_other(asked, key, headers_of(head), writer)
        return True

    async def _answer_other(self, asked: str, key: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        """Any other request of the bucket. Raises NotImplementedError for one that is not known."""
        raise NotImplementedError(f"{asked} of s3://{self._bucket}/{key}")

    def has(self, key: str) -> bool:
        """Whether the bucket has an object of this key."""
        place = bisect_left(self._keys, key)
        return self._keys[place : place + 1] == [key]

    def listing(self, query: dict[str, list[str]]) -> str:
        """The answer of ListObjectsV2 to the parameters of its request.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

        Raises NotImplementedError for a parameter that is not known.
        """
        if unknown := query.keys() - _KNOWN:
            raise NotImplementedError(f"a LIST with {', '.join(sorted(unknown))}")
        prefix, delimiter, after, token = (
            query.get(name, [""])[0] for name in ("prefix", "delimiter", "start-after", "continuation-token")
        )
        first = bisect_left(self._keys, prefix)
        # As on S3, a token goes before start-after. Here it is the place in the order of the keys.
        first = int(token) if token else max(first, bisect_right(self._keys, after) if after else 0)
        if after and not token and delimiter and after.startswith(prefix) and delimiter in after[len(prefix) :]:
            # As the local AWS has it: a folder is left out that sorts before what is asked for.
            end = after.index(delimiter, len(prefix)) + len(delimiter)
            first = bisect_left(self._keys, after[:end] + _LAST)
        limit = min(_PAGE, int(query.get("max-keys", [str(_PAGE)])[0]))
        keys, folders, following = self._page(prefix, delimiter, first, limit)
        found = "".join(
            f"<Contents><Key>{quote(key)}</Key><LastModified>{WRITTEN[0]}</LastModified><ETag>{ETAG}</ETag>"
            f"<Size>{self._size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys
        )
        found += "".join(f"<CommonPrefixes><Prefix>{quote(folder)}</Prefix></CommonPrefixes>" for folder in folders)
        more = "" if following is None else f"<NextContinuationToken>{following}</NextContinuationToken>"
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{self._bucket}</Name><Prefix>{quote(prefix)}</Prefix><EncodingType>url</EncodingType>"
            f"<KeyCount>{len(keys) + len(folders)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
            f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}{found}</ListBucketResult>"
        )

    def _page(self, prefix: str, delimiter: str, place: int, limit: int) -> tuple[list[str], list[str], int | None]:
        """Keys and folders from a place in the order on, and the place of the next page, None after the last one."""
        keys: list[str] = []
        folders: list[str] = []
        while place < len(self._keys) and (key := self._keys[place]).startswith(prefix):
            if len(keys) + len(folders) == limit:
                return keys, folders, place
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                keys.append(key)
                place += 1
            else:
                folders.append(key[: end + len(delimiter)])
                place = bisect_left(self._keys, folders[-1] + _LAST)
        return keys, folders, None

    async def _send(self, writer: asyncio.StreamWriter, status: str, body: bytes | None, *facts: str) -> None:
        lines = [f"HTTP/1.1 {status}", *facts]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        await writer.drain()

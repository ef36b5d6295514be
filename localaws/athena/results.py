"""What a query leaves behind: the files at its output location, and the pages of GetQueryResults.

File formats as https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html describes them.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from localaws import protocol
from localaws.athena.errors import USER_ERROR, InvalidRequest, QueryFailed
from localaws.athena.results_model import ResultColumn

Row = Sequence[str | None]

LARGEST_PAGE = 1000

_IN_MEMORY = 8 * 1024 * 1024
_CHARACTER_TYPES = frozenset({"char", "string", "varchar"})
_ENCRYPTION = {"SSE_S3": "AES256", "SSE_KMS": "aws:kms"}


def column_info(column: ResultColumn) -> dict[str, Any]:
    """A column as ResultSetMetadata describes it."""
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": column.type,
        "Precision": column.precision,
        "Scale": column.scale,
        "Nullable": column.nullable,
        "CaseSensitive": column.type in _CHARACTER_TYPES,
    }


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of a SELECT's file: every value in double quotes, a NULL as nothing at all."""
    for row in rows:
        yield ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n"


def text_lines(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of a DDL or UTILITY statement's file."""
    for row in rows:
        yield "\t".join(value or "" for value in row) + "\n"


def upload(
    s3: Any, configuration: dict[str, Any], lines: Iterable[str] | None, columns: Sequence[ResultColumn]
) -> None:
    """Write the result file, unless there are no ``lines``, and its .metadata beside it.

    ``configuration`` is the query's ResultConfiguration, whose OutputLocation is the result file. The content of a
    .metadata file is undocumented, so ours is JSON. Raises QueryFailed when S3 refuses.
    """
    uri = configuration["OutputLocation"]
    if lines is not None:
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as body:
            for line in lines:
                body.write(line.encode())
            body.seek(0)
            _put(s3, configuration, uri, body)
    metadata = json.dumps({"ColumnInfo": [column_info(column) for column in columns]}).encode()
    _put(s3, configuration, f"{uri}.metadata", metadata)


def upload_manifest(s3: Any, configuration: dict[str, Any], files: Sequence[str]) -> str:
    """Write which files a statement has written, or meant to: the manifest's URI. Raises QueryFailed."""
    uri = f"{configuration['OutputLocation']}-manifest.csv"
    _put(s3, configuration, uri, "".join(f"{file}\n" for file in files).encode())
    return uri


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class ResultPages:
    """Rows of finished queries, kept in files and read page by page; a token holds the position in the file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, identifier: str, columns: Sequence[ResultColumn], rows: Iterable[Row], updated: int = 0) -> None:
        """Keep a query's rows, the header row among them where there is one, and how many it has put into a table."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / identifier).open("w", encoding="utf-8") as file:
            file.write(json.dumps([updated, *(column_info(column) for column in columns)]) + "\n")
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def read(self, identifier: str, size: int, token: str | None) -> dict[str, Any]:
        """GetQueryResults's reply: at most ``size`` rows from ``token`` on. Raises InvalidRequest for a bad token."""
        with (self._directory / identifier).open("rb") as file:
            updated, *columns = json.loads(file.readline())
            if token:
                _seek(file, identifier, token)
            rows: list[list[str | None]] = []
            while len(rows) < size and (line := file.readline()):
                rows.append(json.loads(line))
            position = file.tell()
            more = bool(file.readline())
        reply: dict[str, Any] = {
            "UpdateCount": updated,
            "ResultSet": {
                "Rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": columns},
            },
        }
        if more:
            reply["NextToken"] = protocol.encode_token([identifier, position])
        return reply

    def copy(self, identifier: str, to: str) -> None:
        """Keep a query's rows as another's, too."""
        shutil.copyfile(self._directory / identifier, self._directory / to)

    def remove(self, identifier: str) -> None:
        """Drop a query's rows."""
        with contextlib.suppress(FileNotFoundError):
            (self._directory / identifier).unlink()

    def clear(self) -> None:
        """Drop the rows of all queries."""
        shutil.rmtree(self._directory, ignore_errors=True)


def _seek(file: IO[bytes], identifier: str, token: str) -> None:
    try:
        owner, position = protocol.decode_token(token)
    except (TypeError, ValueError):
        owner, position = None, 0
    if owner != identifier or not isinstance(position, int):
        raise InvalidRequest("Invalid nextToken")
    file.seek(position)


def encryption(configuration: dict[str, Any]) -> dict[str, str]:
    """PutObject's options as a result configuration asks for them, which hold for tables' files, too.

    See https://docs.aws.amazon.com/athena/latest/ug/encrypting-query-results-stored-in-s3.html.
    """
    asked = configuration.get("EncryptionConfiguration") or {}
    if asked.get("EncryptionOption") not in _ENCRYPTION:
        return {}
    key = {"SSEKMSKeyId": asked["KmsKey"]} if asked.get("KmsKey") else {}
    return {"ServerSideEncryption": _ENCRYPTION[asked["EncryptionOption"]], **key}


def _put(s3: Any, configuration: dict[str, Any], uri: str, body: Any) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, key = split_uri(uri)
    options: dict[str, Any] = {**encryption(configuration)}
    if configuration.get("ExpectedBucketOwner"):
        options["ExpectedBucketOwner"] = configuration["ExpectedBucketOwner"]
    if configuration.get("AclConfiguration"):
        options["ACL"] = "bucket-owner-full-control"
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, **options)
    except (BotoCoreError, ClientError) as error:
        raise QueryFailed(
            f"Unable to write the query results to {uri}: {error}. Please ensure you are allowed to access the S3 "
            "bucket.",
            USER_ERROR,
        ) from error

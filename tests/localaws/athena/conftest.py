"""A lake of its own for each test: a database and a bucket on the running local AWS, and the engine over them."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from localaws.athena.engine import QueryContext, QueryFailed, QueryResult, execute


@dataclass
class SqlLake:
    """Runs statements in one database and puts files into one bucket."""

    database: str
    bucket: str
    glue: Any
    s3: Any
    cancelled: threading.Event = field(default_factory=threading.Event)
    cutoff: int | None = None
    # Of the last statement.
    context: QueryContext = field(init=False)

    def run(self, sql: str) -> QueryResult:
        """The result of a statement; `{bucket}` stands for the bucket."""
        self.context = QueryContext(
            self.database, self.glue, self.s3, cancelled=self.cancelled, bytes_scanned_cutoff=self.cutoff
        )
        self.context.tables = f"s3://{self.bucket}/tables/{self.context.identifier}/"
        return execute(sql.replace("{bucket}", self.bucket), self.context)

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """The rows of a statement's result."""
        return self.run(sql).rows

    def failure(self, sql: str) -> str:
        """The message with which a statement fails."""
        with pytest.raises(QueryFailed) as caught:
            self.run(sql)
        return caught.value.message.replace(self.database, "{database}").replace(self.bucket, "{bucket}")

    def put(self, key: str, content: bytes) -> None:
        """Stores an object."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def put_parquet(self, key: str, table: pa.Table | dict[str, Any], **options: Any) -> None:
        """Stores a Parquet file."""
        buffer = io.BytesIO()
        pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), buffer, **options)
        self.put(key, buffer.getvalue())

    def parquet(self, key: str) -> pq.FileMetaData:
        """The footer of a stored Parquet file."""
        content = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.ParquetFile(pa.BufferReader(content)).metadata

    def compressed_bytes(self, key: str, *columns: str) -> int:
        """What reading these columns of a file costs."""
        footer = self.parquet(key)
        groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
        chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
        return sum(c.total_compressed_size for c in chunks if c.path_in_schema.split(".")[0] in columns)


@pytest.fixture
def lake(database: str, bucket: str, glue: Any, s3: Any) -> SqlLake:
    """A fresh database and bucket."""
    return SqlLake(database, bucket, glue, s3)

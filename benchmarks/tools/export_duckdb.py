"""DuckDB: read_json with every attribute's type given, values cast from their texts, COPY to Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import duckdb

_IMAGE = """STRUCT(
    order_id STRUCT(S VARCHAR), customer_id STRUCT(S VARCHAR), status STRUCT(S VARCHAR), total STRUCT(N VARCHAR),
    placed_at STRUCT(S VARCHAR), address STRUCT(M STRUCT(city STRUCT(S VARCHAR), postcode STRUCT(S VARCHAR))),
    items STRUCT(L STRUCT(M STRUCT(sku STRUCT(S VARCHAR), quantity STRUCT(N VARCHAR), unit_price STRUCT(N VARCHAR)))[]),
    tags STRUCT(SS VARCHAR[]), is_gift STRUCT(BOOL BOOLEAN), note STRUCT(S VARCHAR))"""
_SELECT = """
SELECT Keys.order_id.S AS order_id, i.customer_id.S AS customer_id, i.status.S AS status,
    i.total.N::DECIMAL(38,2) AS total, i.placed_at.S::TIMESTAMP AS placed_at,
    i.address.M.city.S AS city, i.address.M.postcode.S AS postcode,
    list_transform(i.items.L, lambda x: {{'sku': x.M.sku.S, 'quantity': x.M.quantity.N::INTEGER,
        'unit_price': x.M.unit_price.N::DECIMAL(12,2)}}) AS items,
    i.tags.SS AS tags, i.is_gift.BOOL AS is_gift, i.note.S AS note,
    CASE WHEN i IS NULL THEN 'delete' ELSE 'put' END AS _op,
    make_timestamp(Metadata.WriteTimestampMicros.N::BIGINT) AS _written_at
FROM (SELECT Metadata, Keys, NewImage AS i FROM read_json({files}, format = 'newline_delimited', compression = 'gzip',
    columns = {{Metadata: 'STRUCT(WriteTimestampMicros STRUCT(N VARCHAR))', Keys: 'STRUCT(order_id STRUCT(S VARCHAR))',
        NewImage: '{image}'}}))
"""


def load_all(task: dict[str, Any]) -> Callable[[], list[tuple[int, int]]]:
    database = duckdb.connect()
    database.execute("SET preserve_insertion_order = false")
    files = [each["path"] for each in task["files"]]
    query = _SELECT.format(files=files, image=_IMAGE)
    target = os.path.join(task["target"], "rows.parquet")

    def convert_all() -> list[tuple[int, int]]:
        written = database.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)").fetchone()
        return [(written[0] if written else 0, 0)]

    return convert_all

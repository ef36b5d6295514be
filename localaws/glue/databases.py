"""Operations on databases. See https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-databases.html."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localaws.glue.paging import page
from localaws.glue.store import Catalog, fold
from localaws.protocol import AwsError, Request

_LARGEST_PAGE = 100


def folded_input(request: Request) -> Request:
    """CreateDatabase's request with the name in lower case."""
    wanted = request.get("DatabaseInput") or {}
    return {**request, "DatabaseInput": {**wanted, "Name": fold(wanted.get("Name"), "databaseInput.name")}}


def get_databases(catalog: Catalog, request: Request) -> dict[str, Any]:
    """GetDatabases, paged."""
    chosen, token = page(request, catalog.databases(), lambda database: database["Name"], _LARGEST_PAGE)
    return {"DatabaseList": chosen, **token}


def update_database(catalog: Catalog, request: Request) -> dict[str, Any]:
    """UpdateDatabase: replaces the description, location and parameters; the name stays."""
    wanted = request.get("DatabaseInput") or {}
    database = catalog.database(request.get("Name"))
    if fold(wanted.get("Name"), "databaseInput.name") != database["Name"]:
        raise AwsError("InvalidInputException", "A database cannot be renamed.")
    for member in ("Description", "LocationUri", "Parameters"):
        database.pop(member, None)
        if wanted.get(member) is not None:
            database[member] = wanted[member]
    return {}


OPERATIONS: dict[str, Callable[[Catalog, Request], dict[str, Any]]] = {
    "GetDatabases": get_databases,
    "UpdateDatabase": update_database,
}

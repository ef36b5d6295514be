"""Refreshing the data sets of QuickSight: an ingestion is begun, followed to its end, and its rows are counted.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateIngestion.html. An ingestion's id works once; it is
noted in the ledger before the call, so whoever tries again goes on with the ingestion that there is. Readers keep the
rows of before until a refresh has completed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lakelanes.aws.failures import is_missing, is_refused, kind_of
from lakelanes.catalog import athena
from lakelanes.dashboards import refresh_plan
from lakelanes.dashboards.loading import datasets_of, read_dashboards
from lakelanes.dashboards.model import Dataset
from lakelanes.dashboards.quicksight import names
from lakelanes.dashboards.refresh_plan import Look, Refresh
from lakelanes.errors import RefreshError
from lakelanes.ledger.entries import timestamp
from lakelanes.names import sql_identifier

if TYPE_CHECKING:
    from lakelanes.lake import Lake

ACTIVE = frozenset({"INITIALIZED", "QUEUED", "RUNNING"})
# Refreshes in a row whose rows may differ from Athena's while files are being loaded, before somebody is told.
_MOST_UNEQUAL = 2
# Types of IngestionErrorType in words, with what helps
# (https://docs.aws.amazon.com/quicksight/latest/user/errors-spice-ingestion.html).
_DEPLOY = "Deploy the dashboards again (scripts/deploy.py), then trigger refresh_dashboards with this data set"
_WORDS: Mapping[str, tuple[str, str]] = {
    "SQL_SCHEMA_MISMATCH_ERROR": ("the view has other columns than the data set", _DEPLOY),
    "SQL_TABLE_NOT_FOUND": ("the view is not there", "Trigger refresh_views, then refresh_dashboards"),
    "PERMISSION_DENIED": (
        "QuickSight's role may not read the lake",
        "Compare the role with infrastructure/dashboards.yaml; where Lake Formation is on, grant it the tables there",
    ),
    "PERMISSION_NOT_FOUND": ("QuickSight's role may not read the lake", "Give the role of the data source its rights"),
    "IAM_ROLE_NOT_AVAILABLE": ("QuickSight cannot take on the role of the data source", _DEPLOY),
    "DATA_SET_NOT_SPICE": ("the data set is not kept in SPICE", _DEPLOY),
    "DATA_SET_DELETED": ("the data set was deleted meanwhile", _DEPLOY),
    "DATA_SET_SIZE_LIMIT_EXCEEDED": (
        "the view has more rows or bytes than a data set of SPICE may have",
        "Leave columns or old days out of the view, or set the data set's mode to direct",
    ),
    "ACCOUNT_CAPACITY_LIMIT_EXCEEDED": ("SPICE is full", "Buy capacity in QuickSight, or make data sets smaller"),
    "DATA_TOLERANCE_EXCEPTION": ("too many values did not fit their columns", "CAST them in the view"),
    "ROW_SIZE_LIMIT_EXCEEDED": ("a row is too long", "Leave long texts out of the view"),
    "QUERY_TIMEOUT": ("Athena took too long", "Make the view cheaper, or refresh less of it with changes_days"),
    "DATA_SOURCE_NOT_FOUND": ("the data source is not there", _DEPLOY),
    "REFRESH_SUPPRESSED_BY_EDIT": ("somebody edited the data set meanwhile", "It is refreshed again by itself"),
    "INGESTION_SUPERSEDED": ("another refresh took its place", "It is refreshed again by itself"),
    "INGESTION_CANCELED": ("somebody cancelled it", "It is refreshed again by itself"),
}
_OTHER = "Trigger refresh_dashboards with this data set; if it fails again, look at the data set in QuickSight"


@dataclass(frozen=True)
class Done:
    """A refresh that completed. rows: those of the data set now; athena: those of the view, counted afterwards."""

    dataset: str
    kind: str
    rows: int
    athena: int
    changed_meanwhile: bool


def datasets(lake: Lake) -> dict[str, Dataset]:
    """The data sets that are kept in SPICE and refreshed after loads, by name."""
    found = datasets_of(read_dashboards())
    return {name: one for name, one in found.items() if one.mode == "import" and one.refresh == "after_loads"}


def data_set_id(lake: Lake, name: str) -> str:
    """The id of a data set in QuickSight."""
    return names.data_set_id(lake.config, name)


def plan(lake: Lake, *, only: Collection[str] = (), full: bool = False) -> dict[str, Look]:
    """What each data set needs. only: these, and at once; RefreshError where there is none of a name."""
    known = chosen(datasets(lake), only)
    found: dict[str, Look] = {}
    for name, dataset in known.items():
        used = ingestions_of_a_day(lake, name)
        if used is None:
            found[name] = Look(None, "it is not deployed to QuickSight")
        else:
            asked = bool(only)
            found[name] = refresh_plan.look(lake, name, dataset, used=used, full=full and asked, asked=asked)
    return found


def chosen(known: Mapping[str, Dataset], only: Collection[str]) -> Mapping[str, Dataset]:
    """The data sets that were asked for, all where none was named. RefreshError for a name that there is not."""
    if unknown := sorted(set(only) - known.keys()):
        there = ", ".join(sorted(known)) or "none"
        reason = f"the dashboards have no such data set to refresh; there is {there}"
        raise RefreshError(", ".join(unknown), reason, "Correct the Param")
    return {name: known[name] for name in only or known}


def ingestions_of_a_day(lake: Lake, name: str) -> int | None:
    """How many refreshes of a data set were begun by the API in the last 24 hours; None when it is not deployed."""
    since, used = lake.clock() - timedelta(hours=24), 0
    try:
        for one in _ingestions(lake, name):
            # The newest come first.
            if one["CreatedTime"] < since:
                break
            used += one.get("RequestSource") == "MANUAL" and one.get("RequestType") in (
                "FULL_REFRESH",
                "INCREMENTAL_REFRESH",
            )
    except ClientError as error:
        # Of an account that never signed up for QuickSight, and one where nobody wants dashboards there.
        wanted = lake.config.deployment.dashboards_principal is not None
        if is_missing(error) or (not wanted and is_refused(error)):
            return None
        raise
    return used


def begin(lake: Lake, refresh: Refresh) -> bool:
    """Has QuickSight begin a refresh, or finds it begun; False when the day's refreshes are used up."""
    note = refresh_plan.read_note(lake, refresh.dataset)
    refresh_plan.write_note(lake, refresh.dataset, {**note, "requested": refresh.to_dict()})
    try:
        lake.quicksight.create_ingestion(
            AwsAccountId=lake.config.aws.account_id,
            DataSetId=data_set_id(lake, refresh.dataset),
            IngestionId=refresh.ingestion_id,
            IngestionType=refresh.kind,
        )
    except ClientError as error:
        if kind_of(error, "quicksight") == "full":
            refresh_plan.write_note(lake, refresh.dataset, note)
            return False
        # It is ours: nobody else makes an id of this moment.
        if kind_of(error, "quicksight") != "exists":
            refresh_plan.write_note(lake, refresh.dataset, note)
            raise
    return True


def describe(lake: Lake, refresh: Refresh) -> dict[str, Any]:
    """QuickSight's description of an ingestion."""
    answer = lake.quicksight.describe_ingestion(
        AwsAccountId=lake.config.aws.account_id,
        DataSetId=data_set_id(lake, refresh.dataset),
        IngestionId=refresh.ingestion_id,
    )
    found: dict[str, Any] = answer["Ingestion"]
    return found


def is_active(lake: Lake, refresh: Refresh) -> bool:
    """Whether it has not ended yet."""
    return describe(lake, refresh)["IngestionStatus"] in ACTIVE


def finish(lake: Lake, refresh: Refresh, dataset: Dataset) -> Done:
    """Notes what an ingestion that has ended brought.

    Raises RefreshError when it failed, left rows out, or has twice in a row other rows than the view although nothing
    was loaded meanwhile.
    """
    found = describe(lake, refresh)
    note = {key: value for key, value in refresh_plan.read_note(lake, refresh.dataset).items() if key != "requested"}
    note["refreshed_at"] = timestamp(lake.clock())
    if found["IngestionStatus"] != "COMPLETED":
        refresh_plan.write_note(lake, refresh.dataset, note)
        raise RefreshError(refresh.dataset, *_failure(found))
    rows = found.get("RowInfo", {})
    if dropped := int(rows.get("RowsDropped", 0)):
        refresh_plan.write_note(lake, refresh.dataset, {**note, "unequal": 1})
        raise RefreshError(
            refresh.dataset,
            f"QuickSight left out {dropped:,} rows with values that do not fit their columns",
            "Look at the ingestion in QuickSight for the columns, and CAST them in the view",
        )
    counted, changed = _count(lake, dataset), _changed_since(lake, dataset, refresh)
    done = Done(refresh.dataset, refresh.kind, int(rows.get("TotalRowsInDataset", 0)), counted, changed)
    unequal = int(note.get("unequal", 0)) + 1 if done.rows != counted else 0
    note |= {"until": refresh.until, "fingerprint": refresh.fingerprint, "rows": done.rows, "unequal": unequal}
    refresh_plan.write_note(lake, refresh.dataset, note)
    if unequal >= _MOST_UNEQUAL and not changed:
        raise RefreshError(
            refresh.dataset,
            f"QuickSight has {done.rows:,} rows, and the view {dataset.view} {counted:,}",
            "The next refresh is a full one; if it differs, too, compare the data set with the view",
        )
    return done


def _ingestions(lake: Lake, name: str) -> Iterator[dict[str, Any]]:
    pages = lake.quicksight.get_paginator("list_ingestions").paginate(
        AwsAccountId=lake.config.aws.account_id, DataSetId=data_set_id(lake, name)
    )
    for page in pages:
        yield from page["Ingestions"]


def _failure(found: Mapping[str, Any]) -> tuple[str, str]:
    status, error = found["IngestionStatus"], found.get("ErrorInfo", {})
    kind = str(error.get("Type", "INGESTION_CANCELED" if status == "CANCELLED" else ""))
    words, remedy = _WORDS.get(kind, ("", _OTHER))
    said = str(error.get("Message", "")).strip()
    reason = " ".join(filter(None, (f"{words}:" if words and said else words, said))) or f"the refresh is {status}"
    return f"{reason} ({kind})" if kind else reason, remedy


def _count(lake: Lake, dataset: Dataset) -> int:
    database, view = sql_identifier(lake.config.resources.glue_database), sql_identifier(dataset.view)
    [row] = athena.query(lake, f"SELECT count(*) AS n FROM {database}.{view}")
    return int(row["n"] or 0)


def _changed_since(lake: Lake, dataset: Dataset, refresh: Refresh) -> bool:
    """Whether something that the view reads changed after the moment that the refresh covers, or may have."""
    return refresh_plan.may_always_change(lake, dataset) or bool(refresh_plan.changes_of(lake, dataset, refresh.until))

"""What the watch finds, what it does not take for a fault, and what it closes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakelanes import watch
from lakelanes.alerts import incidents, silence
from lakelanes.alerts.messages import Alert, FileFault
from lakelanes.catalog import glue_tables, registrar
from lakelanes.catalog.evolution import ensure_table
from lakelanes.catalog.registrar import Registrar
from lakelanes.config.model import LakeConfig
from lakelanes.config.partitions import Partition
from lakelanes.config.resource_paths import INCLUDE
from lakelanes.errors import GapError
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_path
from lakelanes.files.pending import pending
from lakelanes.lake import Lake
from lakelanes.tables.catalog import changes_table, snapshot_table
from tests.support.lakes import SALES, put

HEADER = "transaction_id,customer_id,amount,transaction_date\n"
ROW = "t1,c1,1.50,2024-03-15\n"
BAD = "t2,c2,much,2024-03-15\n"
# The lake's entity is due at midnight, and its deadline is a day after that.
START = datetime(2024, 3, 15, 6, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


class Watched:
    """A lake, its clock, and the messages on it."""

    def __init__(self, make_lake: Callable[..., Lake], settings: dict[str, Any]) -> None:
        self.clock = Clock()
        self.lake = make_lake({"sales": {**SALES, **settings}}, clock=self.clock)
        self.entity = self.lake.config.entities["sales"]
        self.messages: list[Alert] = []

    def send(self, lake: Lake, alert: Alert) -> None:
        self.messages.append(alert)

    def put(self, *days: int, rows: str = ROW) -> str:
        """Loads a file for each day of March 2024; returns the last one's URI."""
        for day in days:
            uri = put(self.lake, f"sales_data_2024_03_{day:02}.csv", HEADER + rows)
        files = pending(self.lake, list_entity(self.lake, self.entity))
        load_batch(self.lake, self.entity, files, lane="fast", run_id="test")
        paths = {path for file in files if (path := partition_path(self.entity, file.key))}
        Registrar(self.lake, "look").register_entity(self.entity, [Partition.from_path(path) for path in paths])
        return uri

    def watch(self) -> list[tuple[bool, tuple[str, ...]]]:
        """Watches once; of each message whether it is a recovery, and its causes."""
        before = len(self.messages)
        result = watch.watch(self.lake, self.send, "watch_lake/run-1")
        assert result.failed == []
        return [(message.recovered, tuple(message.causes)) for message in self.messages[before:]]


@pytest.fixture
def make_watched(make_lake: Callable[..., Lake]) -> Callable[..., Watched]:
    return lambda **settings: Watched(make_lake, settings)


@pytest.fixture
def watched(make_watched: Callable[..., Watched]) -> Watched:
    return make_watched()


def test_a_lake_where_all_is_well_is_silent(watched: Watched) -> None:
    assert watched.watch() == []
    watched.put(13, 14)
    assert watched.watch() == []


def test_a_partition_that_nobody_waited_for_is_missed_once_and_its_coming_is_a_message(watched: Watched) -> None:
    watched.put(13)
    watched.clock.now = datetime(2024, 3, 15, 23, 59, tzinfo=UTC)
    assert watched.watch() == [], "the 14th has until midnight"
    watched.clock.now = datetime(2024, 3, 16, 0, 1, tzinfo=UTC)
    assert watched.watch() == [(False, ("deadline/sales/2024-03-14",))]
    alert = watched.messages[-1]
    assert (alert.partition_key, alert.since) == ("2024-03-14", "2024-03-16T00:00:00.000000Z")
    assert "2024-03-14 of sales" in alert.reason and "2024-03-16 00:00 UTC" in alert.reason
    assert alert.page_url == "/lake/entities/sales/periods/2024-03-14"
    assert watched.watch() == []
    watched.put(14)
    assert watched.watch() == [(True, ("deadline/sales/2024-03-14",))]
    assert "has 1 file(s), 1 rows" in watched.messages[-1].reason
    assert watched.watch() == []


def test_what_is_missing_at_once_is_one_message_of_an_entity(watched: Watched) -> None:
    watched.put(10, 14)
    [(recovered, causes)] = watched.watch()
    assert not recovered
    assert causes == tuple(f"deadline/sales/2024-03-{day}" for day in (11, 12, 13)), "holes before the newest"


def test_files_of_long_ago_make_nothing_be_missed(watched: Watched) -> None:
    watched.clock.now = START + timedelta(days=200)
    watched.put(1, 2, 5)
    assert watched.watch() == []


def test_an_hour_that_clocks_skip_is_never_missed_and_what_was_said_of_one_is_over(
    make_watched: Callable[..., Watched],
) -> None:
    """Versions before this one opened incidents for them, which no file would ever have closed."""
    watched = make_watched(
        filename_pattern=r"hits_(\d{4})(\d{2})(\d{2})T(\d{2})\.csv",
        partition_keys=["year", "month", "day", "hour"],
        timezone="Europe/Zurich",
    )
    watched.clock.now = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    put(watched.lake, "hits_20260329T00.csv", HEADER + ROW)
    load_batch(watched.lake, watched.entity, list_entity(watched.lake, watched.entity), lane="fast", run_id="test")
    alert = Alert("load_sales", "run-1", "sales", "no file", "Upload it.")
    for hour in ("01", "02"):
        assert incidents.report(watched.lake, f"deadline/sales/2026-03-29T{hour}", alert, watched.send)
    watched.clock.now = datetime(2026, 3, 29, 5, 1, tzinfo=UTC)
    said = [(cured, causes) for cured, causes in watched.watch() if causes[0].startswith("deadline/")]
    missed = (False, ("deadline/sales/2026-03-29T03",))
    assert said == [missed, (True, ("deadline/sales/2026-03-29T02",))], "03 was due at 02:00 UTC, and had three hours"
    assert any("clocks of Europe/Zurich skip 2026-03-29T02" in message.reason for message in watched.messages)


def test_a_run_that_missed_its_deadline_and_the_watch_have_one_cause(watched: Watched) -> None:
    watched.put(13)
    watched.clock.now = datetime(2024, 3, 16, 1, tzinfo=UTC)
    alert = Alert("load_sales", "run-1", "sales", "no file", "Upload it.")
    assert incidents.report(watched.lake, "deadline/sales/2024-03-14", alert, watched.send)
    assert watched.watch() == []


@pytest.mark.parametrize(("rejected", "is_sent"), [(1, False), (2, True)])
def test_rejected_rows_are_an_alert_above_the_threshold(
    make_watched: Callable[..., Watched], rejected: int, is_sent: bool
) -> None:
    watched = make_watched(alert_rejected_percent=10)
    watched.put(14, rows=ROW * (10 - rejected) + BAD * rejected)
    causes = ("rejects/sales/2024-03-14",)
    assert watched.watch() == ([(False, causes)] if is_sent else [])
    if is_sent:
        assert "2 of 10 rows" in watched.messages[-1].reason and "20.0 %" in watched.messages[-1].reason
        where = "year = '2024' AND month = '03' AND day = '14'"
        assert where in watched.messages[-1].what_to_do
        assert watched.watch() == []
        watched.put(14, rows=ROW * 10)
        assert watched.watch() == [(True, causes)]


def test_a_refused_file_is_no_alert_on_rejected_rows_too(make_watched: Callable[..., Watched]) -> None:
    watched = make_watched(max_bad_rows=0)
    watched.put(14, rows=ROW + BAD)
    assert watched.watch() == []


def test_without_a_threshold_any_number_of_rows_may_be_rejected(make_watched: Callable[..., Watched]) -> None:
    watched = make_watched(alert_rejected_percent=None)
    watched.put(14, rows=ROW + BAD * 9)
    assert watched.watch() == []


def test_a_file_of_many_partitions_counts_by_itself(make_watched: Callable[..., Watched]) -> None:
    keys = [{"name": "day", "column": "transaction_date", "format": "%Y-%m-%d"}]
    watched = make_watched(partition_keys=keys, filename_pattern=r"sales_data_[\d_]+\.csv")
    uri = watched.put(14, rows=ROW + BAD)
    assert watched.watch() == [(False, (f"rejects/sales/{uri}",))]
    watched.put(14)
    assert watched.watch() == [(True, (f"rejects/sales/{uri}",))]


def test_a_column_that_changed_in_the_catalogue_is_drift_until_it_is_undone(watched: Watched) -> None:
    watched.put(14)
    change_table(watched.lake, lambda columns: [*columns, {"Name": "extra", "Type": "string"}])
    assert watched.watch() == [(False, ("drift/sales",))]
    assert "has a column extra (string)" in watched.messages[-1].reason
    change_table(watched.lake, lambda columns: [c for c in columns if c["Name"] != "extra"])
    assert watched.watch() == [(True, ("drift/sales",))]
    change_table(watched.lake, lambda columns: [{**c, "Type": "string"} for c in columns])
    assert watched.watch() == [(False, ("drift/sales",))]
    assert "column amount of table" in watched.messages[-1].reason


def test_tables_as_the_lake_makes_them_are_no_drift(make_lake: Callable[..., Lake]) -> None:
    sample = json.loads((INCLUDE / "lake.json").read_text(encoding="utf-8"))
    as_text = {**SALES, "table_name": "as_text", "filename_pattern": r"t_(\d+)_(\d+)_(\d+)\.csv", "format": "csv"}
    lake = make_lake({**sample["entities"], "as_text": as_text}, tables=sample["tables"])
    entities, tables = lake.config.entities.values(), lake.config.tables.values()
    made = [make(entity) for entity in entities for make in (glue_tables.data_table, glue_tables.rejects_table)]
    made += [make(table) for table in tables for make in (changes_table, snapshot_table)]
    assert len(made) == 10
    for table in made:
        assert ensure_table(lake, table)
    assert watch.drifted(lake) == {}


def test_rows_under_the_table_name_of_before_are_drift_until_they_were_moved(watched: Watched) -> None:
    watched.put(13, 14)
    sales = watched.entity.model_copy(update={"table_name": "sales_new"})
    watched.lake = Lake(watched.lake.config.model_copy(update={"entities": {"sales": sales}}), watched.clock)
    watched.entity = sales
    assert watched.watch() == [(False, ("drift/sales",))]
    assert "table sales_data has rows of sales, whose table_name is sales_new now" in watched.messages[-1].reason
    files = list_entity(watched.lake, sales)
    load_batch(watched.lake, sales, files, lane="batch", run_id="reload", reload=True)
    Registrar(watched.lake, "look").register_entity(
        sales, [Partition.from_path(f"year=2024/month=03/day={day}") for day in (13, 14)]
    )
    assert watched.watch() == [(True, ("drift/sales",))]


def test_a_table_that_was_dropped_is_drift_until_a_load_makes_it_again(watched: Watched) -> None:
    watched.put(14)
    watched.lake.glue.delete_table(
        DatabaseName=watched.lake.config.resources.glue_database, Name=watched.entity.table_name
    )
    assert watched.watch() == [], "the run of the first load may be about to make it"
    watched.clock.now += timedelta(hours=1)
    assert watched.watch() == [(False, ("drift/sales",))]
    assert "not in the catalogue" in watched.messages[-1].reason
    Registrar(watched.lake, "look").register_entity(watched.entity, [Partition.from_path("year=2024/month=03/day=14")])
    assert watched.watch() == [(True, ("drift/sales",))]


def test_a_view_that_reads_an_overdue_table_is_stale_for_as_long(
    make_watched: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakelanes.catalog import views

    watched = make_watched(stale_minutes=60)
    monkeypatch.setattr(views, "tables_of_views", lambda: {"daily_sales": {"sales_data"}, "other": {"stores"}})
    watched.lake.ledger.write_note("views", {"daily_sales": "fingerprint", "other": "fingerprint"})
    watched.put(14)
    # The 15th is over at midnight, may come until the next one, and is missed for an hour after that.
    watched.clock.now = datetime(2024, 3, 17, 0, 30, tzinfo=UTC)
    assert watched.watch() == [(False, ("deadline/sales/2024-03-15",))]
    watched.clock.now = datetime(2024, 3, 17, 1, 0, tzinfo=UTC)
    assert watched.watch() == [(False, ("stale/daily_sales",))]
    assert "the newest partition of sales_data is 2024-03-14" in watched.messages[-1].reason
    watched.put(15)
    assert sorted(watched.watch()) == [(True, ("deadline/sales/2024-03-15",)), (True, ("stale/daily_sales",))]


def test_a_view_that_athena_refuses_is_an_incident_until_it_is_made(watched: Watched) -> None:
    watched.lake.ledger.write_note(registrar.FAILED_VIEWS, {"daily_sales": "COLUMN_NOT_FOUND"})
    assert watched.watch() == [(False, ("stale/daily_sales",))]
    assert "COLUMN_NOT_FOUND" in watched.messages[-1].reason
    watched.lake.ledger.write_note(registrar.FAILED_VIEWS, {})
    assert watched.watch() == [(True, ("stale/daily_sales",))]


@pytest.mark.parametrize("lane", ["batch", "fast"])
def test_a_file_is_cured_when_any_lane_has_loaded_it(watched: Watched, lane: Any) -> None:
    uri = put(watched.lake, "sales_data_2024_03_14.csv", HEADER + ROW)
    report_file(watched, uri)
    assert watched.watch() == []
    files = list_entity(watched.lake, watched.entity)
    load_batch(watched.lake, watched.entity, files, lane=lane, run_id="test")
    assert watched.watch() == [(True, (f"file/{uri}",))]
    assert f"by the {lane} lane, 1 rows" in watched.messages[-1].reason


def test_a_file_that_was_taken_out_is_cured_unless_that_was_the_fault(watched: Watched) -> None:
    gone = put(watched.lake, "sales_data_2024_03_13.csv", "x")
    missing = put(watched.lake, "sales_data_2024_03_14.csv", "x")
    report_file(watched, gone)
    report_file(watched, missing, "deleted")
    assert watched.watch() == []
    for key in ("sales_data_2024_03_13.csv", "sales_data_2024_03_14.csv"):
        watched.lake.s3.delete_object(Bucket=watched.lake.config.resources.source_bucket, Key=key)
    assert watched.watch() == [(True, (f"file/{gone}",))]


def test_what_is_no_longer_in_the_configuration_is_over(watched: Watched) -> None:
    """An entity and a table that went: their runs, files, periods, tables in Glue and gaps, each told once."""
    uri = put(watched.lake, "returns_2024.csv", "x")
    fault = FileFault(uri, "returns", "rejected", "it is bad")
    causes = {
        "deadline/returns/2024-03-14": "returns",
        "drift/returns": "returns",
        "rejects/returns/2024-03-14": "returns",
        "run/load_returns/2024-03-14": "returns",
        "run/load_returns/-": None,  # its callback came after the configuration had changed
        "gap/orders": "orders",
        "run/export_orders/-": "orders",
        "run/maintain_lake/orders": "orders",
    }
    for cause, name in causes.items():
        alert = Alert(cause.split("/")[1], "run-0", name, "it is bad", "Do something.")
        assert incidents.report(watched.lake, cause, alert, lambda *_: None)
    assert incidents.report_all(
        watched.lake, incidents.file_alerts(Alert("sweep_sources", "r", None, "", "", files=[fault])), lambda *_: None
    )
    for cause in ("run/load_sales/-", "run/maintain_lake/-", "run/sweep_sources/-", "dead-letters"):
        incidents.report(watched.lake, cause, Alert("d", "run-0", None, "it is bad", ""), lambda *_: None)
    said = watched.watch()
    assert all(recovered for recovered, _ in said)
    told = [cause for _, causes in said for cause in causes]
    assert sorted(told) == sorted([*causes, f"file/{uri}"])
    cures = "\n".join(message.reason for message in watched.messages)
    assert cures.count("cured: returns is no longer in the configuration") == 6
    assert cures.count("cured: orders is no longer in the configuration") == 3
    assert watched.watch() == []


def test_a_file_whose_entity_went_is_the_one_that_takes_it_now(watched: Watched) -> None:
    """A renamed entity: what is wrong with its files still is."""
    uri = put(watched.lake, "sales_data_2024_03_14.csv", "x")
    alert = Alert("load_shop", "run-1", "shop", "", "", files=[FileFault(uri, "shop", "rejected", "it is bad")])
    assert incidents.report_all(watched.lake, incidents.file_alerts(alert), watched.send)
    assert watched.watch() == []
    watched.put(14)
    assert watched.watch() == [(True, (f"file/{uri}",))]


def test_a_configuration_that_cannot_be_read_closes_nothing(watched: Watched) -> None:
    """What reports that has a lake without entities and tables."""
    alert = Alert("watch_lake", "run-0", "returns", "no file", "Upload it.")
    assert incidents.report(watched.lake, "deadline/returns/2024-03-14", alert, watched.send)
    unread = Lake(LakeConfig.model_construct(**{**dict(watched.lake.config), "entities": {}, "tables": {}}))
    assert watch.cures(unread, incidents.uncured_incidents(unread)) == []


def test_a_data_set_that_the_dashboards_have_no_more_is_over(watched: Watched) -> None:
    for cause in ("refresh/rows_by_day", "refresh/long_gone", "refresh/Power BI"):
        alert = Alert("refresh_dashboards", "run-0", None, "it failed", "Look at it.")
        assert incidents.report(watched.lake, cause, alert, lambda *_: None)
    assert watched.watch() == [(True, ("refresh/long_gone",))]
    assert "long_gone is no data set of include/dashboards" in watched.messages[-1].reason


def test_a_check_that_fails_keeps_no_other_from_being_made_and_closes_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.put(13)
    change_table(watched.lake, lambda columns: [*columns, {"Name": "extra", "Type": "string"}])
    assert watched.watch() == [(False, ("drift/sales",))]

    def throttled(lake: Lake) -> Any:
        raise ConnectionError("throttled")

    monkeypatch.setattr(glue_tables, "describe_all", throttled)
    watched.clock.now = datetime(2024, 3, 16, 1, tzinfo=UTC)
    result = watch.watch(watched.lake, watched.send)
    assert result.failed == ["drifted"]
    assert watched.messages[-1].causes == ("deadline/sales/2024-03-14",)
    assert {incident.cause for incident in incidents.open_incidents(watched.lake)} == {
        "drift/sales",
        "deadline/sales/2024-03-14",
    }


def test_a_gap_of_exports_is_an_incident_until_the_next_window_can_be_exported(
    make_lake: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakelanes.tables import planning
    from tests.support.source_tables import ORDERS

    lake = make_lake(tables={"orders": {"dynamodb_table": "shop-orders", **ORDERS}})
    sent: list[Alert] = []

    def gap(*_: Any) -> str:
        raise GapError("recovery_off", "point-in-time recovery is off", "Turn it on.")

    with monkeypatch.context() as patch:
        patch.setattr(planning, "check", gap)
        for _ in range(2):
            watch.watch(lake, lambda _, alert: sent.append(alert))
    [alert] = sent
    assert (alert.causes, alert.entity) == (("gap/orders",), "orders")
    assert alert.page_url == "/lake/tables/orders"
    assert alert.reason == "recovery_off: point-in-time recovery is off" and alert.what_to_do == "Turn it on."
    monkeypatch.setattr(planning, "check", lambda *_: "all is well")
    watch.watch(lake, lambda _, alert: sent.append(alert))
    assert [alert.recovered for alert in sent] == [False, True]


def test_a_muted_alert_speaks_again_with_the_first_watch_after_its_mute(watched: Watched) -> None:
    watched.put(13)
    watched.clock.now = datetime(2024, 3, 16, 1, tzinfo=UTC)
    watched.watch()
    [incident] = incidents.open_incidents(watched.lake)
    silence.mute(watched.lake, incident, datetime(2024, 3, 16, 9, tzinfo=UTC), "anna")
    watched.clock.now = datetime(2024, 3, 16, 8, 59, tzinfo=UTC)
    assert watched.watch() == []
    watched.clock.now = datetime(2024, 3, 16, 9, tzinfo=UTC)
    assert watched.watch() == [(False, ("deadline/sales/2024-03-14",))]
    assert watched.watch() == []


def test_what_is_closed_is_not_found_again_until_it_was_cured(watched: Watched) -> None:
    watched.put(13)
    watched.clock.now = datetime(2024, 3, 16, 1, tzinfo=UTC)
    watched.watch()
    [incident] = incidents.open_incidents(watched.lake)
    silence.close(watched.lake, incident, "anna")
    assert watched.watch() == [] and incidents.open_incidents(watched.lake) == []
    watched.put(14)
    assert watched.watch() == [(True, ("deadline/sales/2024-03-14",))]
    assert incidents.uncured_incidents(watched.lake) == []


def report_file(watched: Watched, uri: str, state: str = "rejected") -> None:
    alert = Alert("load_sales", "run-1", "sales", "", "", files=[FileFault(uri, "sales", state, "it is bad")])
    assert incidents.report_all(watched.lake, incidents.file_alerts(alert), watched.send)


def change_table(lake: Lake, change: Callable[[list[Any]], list[Any]]) -> None:
    """Changes the columns of the table in Glue, as somebody might by hand."""
    described = glue_tables.describe(lake, "sales_data")
    given = {name: described[name] for name in ("Name", "PartitionKeys", "TableType", "Parameters")}
    storage = described["StorageDescriptor"]
    storage = {**storage, "Columns": change(storage["Columns"])}
    database = lake.config.resources.glue_database
    lake.glue.update_table(DatabaseName=database, TableInput={**given, "StorageDescriptor": storage})

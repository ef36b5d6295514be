"""The timetable of DAGs whose runs are partitions. Airflow finds it through the plugin, by its name in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NoReturn

from airflow.timetables.base import DagRunInfo
from airflow.timetables.trigger import CronPartitionTimetable


class PastPartitionTimetable(CronPartitionTimetable):
    """A CronPartitionTimetable whose backfills hold only partitions that are over.

    Each tick starts the run of the partition that began with the tick before (``run_offset=-1``); until then that
    partition's files may still come. Airflow itself refuses a backfill only if all of it is in the future; for a range
    that ends in the future it makes runs that stay queued for days. Here a range with a partition that is not over is
    refused as a whole, in a dry run too, so that nobody believes it was loaded.
    """

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterator[DagRunInfo]:
        """As in Airflow's class. InvalidBackfillDate, whose text UI, CLI and REST (as status 422) show, at the first
        partition that is not over."""
        now, before = datetime.now(UTC), None
        for info in super().iter_partition_dagrun_infos(earliest=earliest, latest=latest):
            if info.partition_date is not None:
                over = self._get_next(info.partition_date)
                if over > now:
                    _refuse(info.partition_key, over, before)
            yield info
            before = info.partition_key


def _refuse(key: str | None, over: datetime, before: str | None) -> NoReturn:
    # Imported here: every task loads this module with the plugin, and none needs the database's models.
    from airflow.models.backfill import InvalidBackfillDate

    advice = f"end the backfill with {before}" if before else "its scheduled run loads it"
    raise InvalidBackfillDate(
        f"Partition {key} is not over before {over.astimezone(UTC):%Y-%m-%dT%H:%MZ}, when its scheduled run starts: "
        f"{advice}. Nothing was started."
    )

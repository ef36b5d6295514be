"""The timetables of DAGs whose runs are partitions. Airflow finds them through the plugin, by name in the database.

Airflow's own class steps from tick to tick by the local time alone. In the night of a clock change a tick is then not
the one before the one after it, so that a partition gets no run and another gets two.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow._shared.timezones.timezone import coerce_datetime
from airflow.timetables import trigger
from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable
from pendulum import DateTime

from lakelanes.config.local_time import begins_at, next_tick, passed_at, previous_tick
from lakelanes.config.model import Grain
from lakelanes.config.periods import Periods

_MOMENT = timedelta(microseconds=1)


class PastPartitionTimetable(CronPartitionTimetable):
    """Each tick starts the run of the partition that began with the tick before (``run_offset=-1``); until then that
    partition is not over. What a tick is, ``lakelanes.config.local_time`` says. Backfills start no scheduled run.

    A backfill holds only partitions that are over. Airflow itself refuses one only if all of it is in the future; for a
    range that ends in the future it makes runs that stay queued for days. Here a range with a partition that is not
    over is refused as a whole, in a dry run too, so that nobody believes it was loaded.
    """

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """As in Airflow's class, but a backfill is nothing that a schedule goes on from.

        Airflow counts the runs of a backfill among those after which the next one is due
        (``airflow.dag_processing.collection``), and without catchup the run after any earlier one is that of the last
        tick. So a DAG that was just deployed, which otherwise waits for its next tick, would begin with the partition
        before that as soon as somebody backfills any other: after 15 to 24 November the 27th, on the 28th.
        """
        last_dagrun_info = _gone_on_from(last_dagrun_info, restriction)
        return super().next_dagrun_info_v2(last_dagrun_info=last_dagrun_info, restriction=restriction)

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterator[DagRunInfo]:
        """As in Airflow's class. InvalidBackfillDate, whose text UI, CLI and REST (as status 422) show, at the first
        partition that is not over."""
        now, before = _now(), None
        for over, info in self._partitions_between(earliest, latest):
            if over > now:
                _refuse(info.partition_key, over, before)
            yield info
            before = info.partition_key

    def localize_partition_datetime(self, dt: datetime) -> DateTime:
        """When clocks of the timetable's zone show the local time of ``dt``."""
        return coerce_datetime(passed_at(dt.replace(tzinfo=None), self.zone))

    @property
    def zone(self) -> str:
        """Name of the time zone."""
        return str(self._timezone.name)

    def _partitions_between(self, earliest: datetime, latest: datetime) -> Iterator[tuple[datetime, DagRunInfo]]:
        """The runs of a backfill, each with the time at which its partition is over."""
        for info in super().iter_partition_dagrun_infos(earliest=earliest, latest=latest):
            assert info.partition_date is not None
            yield self._get_next(info.partition_date), info

    def _decode_partition_date(self, partition_key: str) -> datetime:
        super()._decode_partition_date(partition_key)  # raises for a key of another form
        return self.localize_partition_datetime(datetime.strptime(partition_key, self._key_format))

    def _get_next(self, current: DateTime) -> DateTime:
        return coerce_datetime(next_tick(self._expression, self.zone, current + _MOMENT))

    def _get_prev(self, current: DateTime) -> DateTime:
        return coerce_datetime(previous_tick(self._expression, self.zone, current - _MOMENT))


class PeriodTimetable(PastPartitionTimetable):
    """One run for each hour, day, month or year, at the first tick at which it is over.

    A tick at which several are over, for the schedule has fewer ticks than there are periods, starts the run of each;
    one at which none is starts none. Bounds of a backfill are local times, and the periods that hold them are part of
    it.
    """

    def __init__(self, cron: str, *, timezone: Any, grain: Grain, key_format: str) -> None:
        super().__init__(cron, timezone=timezone, run_offset=-1, key_format=key_format)
        self._periods = Periods(grain, key_format, self.zone, self._expression)

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PeriodTimetable:
        return cls(data["expression"], timezone=data["timezone"], grain=data["grain"], key_format=data["key_format"])

    def serialize(self) -> dict[str, Any]:
        return {**super().serialize(), "timezone": self.zone, "grain": self._periods.grain}

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """What Airflow asks for the next scheduled run, whenever it made one or parsed the DAG.

        last_dagrun_info: of the scheduled run or backfill of the last partition. Without catch-up, what is due before
        the last tick is left out, as in Airflow's class.
        """
        last_dagrun_info = _gone_on_from(last_dagrun_info, restriction)
        candidates = []
        if last_dagrun_info is not None:
            candidates.append(self._after(last_dagrun_info))
        elif restriction.earliest is None:
            candidates.append(self._first())
        if restriction.earliest is not None and not (restriction.catchup and candidates):
            candidates.append(self._periods.first_due(restriction.earliest))
        if not restriction.catchup:
            candidates.append(self._last_started())
        period = max(candidates)
        info = self._info(period, self._periods.due_at(period))
        return None if restriction.latest is not None and info.run_after > restriction.latest else info

    def localize_partition_datetime(self, dt: datetime) -> DateTime:
        return coerce_datetime(begins_at(dt.replace(tzinfo=None), self.zone))

    def _partitions_between(self, earliest: datetime, latest: datetime) -> Iterator[tuple[datetime, DagRunInfo]]:
        # Airflow hands over local times as if they were in UTC.
        first, last = (self._periods.named(bound.replace(tzinfo=None)) for bound in (earliest, latest))
        for period in self._periods.between(first, last):
            # Backfills start with their partition, as those of Airflow's class do; see _after().
            info = self._info(period, self._periods.starts_at(period))
            yield self._periods.due_at(period), info

    def _info(self, period: str, run_after: datetime) -> DagRunInfo:
        return DagRunInfo(
            run_after=coerce_datetime(run_after),
            data_interval=None,
            partition_date=coerce_datetime(self._periods.starts_at(period)),
            partition_key=period,
        )

    def _after(self, last: DagRunInfo) -> str:
        """The first period that has no scheduled run yet."""
        try:
            period = self._periods.following(str(last.partition_key), 0)
        except ValueError:
            # A run of another grain or, where Airflow's calendar asks, one without a key.
            if last.partition_date is None:
                return self._periods.first_due(last.run_after + _MOMENT)
            period = self._periods.holding(last.partition_date)
        # A backfill starts with its partition.
        return period if last.run_after == last.partition_date else self._periods.following(period)

    def _first(self) -> str:
        """The period of the first run of all: the one whose run has just started, or the one whose run starts next, as
        Airflow's class has it."""
        now = _now()
        started, coming = self._last_started(), self._periods.first_due(now + _MOMENT)
        begin, end = self._periods.due_at(started), self._periods.due_at(coming)
        return started if now - begin <= max((end - begin) / 10, timedelta(minutes=5)) else coming

    def _last_started(self) -> str:
        """The first of the periods whose runs started with the last tick that started any."""
        periods = self._periods
        return periods.first_due(periods.due_at(periods.last_due(_now())))


def _now() -> datetime:
    """What Airflow's own timetables take for the present."""
    now: datetime = getattr(trigger, "utcnow")()  # noqa: B009  # not exported, for Airflow's classes alone
    return now


def _gone_on_from(last: DagRunInfo | None, restriction: TimeRestriction) -> DagRunInfo | None:
    """The run that a schedule goes on from: without catch-up no backfill's."""
    return None if last is not None and _is_of_backfill(last) and not restriction.catchup else last


def _is_of_backfill(run: DagRunInfo) -> bool:
    """Whether a run of a partition was a backfill's: Airflow has those due when their partition begins, and scheduled
    ones when it is over (``run_offset=-1``)."""
    return run.partition_date is not None and run.run_after <= run.partition_date


def _refuse(key: str | None, over: datetime, before: str | None) -> NoReturn:
    # Imported here: every task loads this module with the plugin, and none needs the database's models.
    from airflow.models.backfill import InvalidBackfillDate

    advice = f"end the backfill with {before}" if before else "its scheduled run loads it"
    raise InvalidBackfillDate(
        f"Partition {key} is not over before {over.astimezone(UTC):%Y-%m-%dT%H:%MZ}, when its scheduled run starts: "
        f"{advice}. Nothing was started."
    )

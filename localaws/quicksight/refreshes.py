"""How data sets in SPICE are refreshed: the lookback window of incremental refreshes, and schedules.

Schedules are kept and checked; nothing here runs by them.
https://docs.aws.amazon.com/quicksight/latest/APIReference/API_PutDataSetRefreshProperties.html
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Any

from localaws.protocol import AwsError, Request
from localaws.quicksight.operations import INVALID
from localaws.quicksight.store import Context, Record, Resource, not_supported

# https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateRefreshSchedule.html
MOST_SCHEDULES = 5
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_FREQUENCY = "Schedule.ScheduleFrequency"
_MINUTES = ("MINUTE15", "MINUTE30")


def put_properties(data_set: Resource, request: Request) -> Record:
    """PutDataSetRefreshProperties."""
    _check_spice(data_set)
    properties: dict[str, Any] = request["DataSetRefreshProperties"]
    if properties.get("FailureConfiguration"):
        raise not_supported("DataSetRefreshProperties.FailureConfiguration")
    if "RefreshConfiguration" not in properties:
        raise AwsError(INVALID, "'DataSetRefreshProperties.RefreshConfiguration' is missing")
    column = properties["RefreshConfiguration"]["IncrementalRefresh"]["LookbackWindow"]["ColumnName"]
    kind = data_set.more["table"].type_of(column)
    if kind is None:
        raise AwsError(INVALID, f"The lookback window's column {column} is no column of the dataset {data_set.id}")
    if kind != "DATETIME":
        raise AwsError(INVALID, f"The lookback window's column {column} is of type {kind}, expected a date")
    data_set.more["refresh"] = properties
    return {}


def describe_properties(data_set: Resource) -> Record:
    """DescribeDataSetRefreshProperties."""
    _check_spice(data_set)
    return {"DataSetRefreshProperties": _properties(data_set)}


def delete_properties(data_set: Resource) -> Record:
    """DeleteDataSetRefreshProperties; an incremental schedule would have nothing to look back by."""
    _properties(data_set)
    if any(each["RefreshType"] == "INCREMENTAL_REFRESH" for each in _schedules(data_set).values()):
        raise AwsError("ConflictException", f"The dataset {data_set.id} has a schedule for incremental refreshes")
    del data_set.more["refresh"]
    return {}


def create_schedule(context: Context, data_set: Resource, request: Request) -> Record:
    """CreateRefreshSchedule: five at most."""
    schedule, held = request["Schedule"], _schedules(data_set)
    if schedule["ScheduleId"] in held:
        raise AwsError("ResourceExistsException", f"RefreshSchedule {schedule['ScheduleId']} already exists")
    if len(held) >= MOST_SCHEDULES:
        raise AwsError("LimitExceededException", f"The dataset {data_set.id} has {MOST_SCHEDULES} schedules already")
    return {**_put_schedule(context, data_set, schedule), "Status": 200}


def update_schedule(context: Context, data_set: Resource, request: Request) -> Record:
    """UpdateRefreshSchedule."""
    schedule = request["Schedule"]
    _schedule(data_set, schedule["ScheduleId"])
    return _put_schedule(context, data_set, schedule)


def describe_schedule(data_set: Resource, request: Request) -> Record:
    """DescribeRefreshSchedule."""
    schedule = _schedule(data_set, request["ScheduleId"])
    return {"RefreshSchedule": schedule, "Arn": schedule["Arn"]}


def every_schedule(data_set: Resource) -> Record:
    """ListRefreshSchedules."""
    return {"RefreshSchedules": list(_schedules(data_set).values())}


def delete_schedule(data_set: Resource, request: Request) -> Record:
    """DeleteRefreshSchedule."""
    schedule = _schedule(data_set, request["ScheduleId"])
    del _schedules(data_set)[schedule["ScheduleId"]]
    return {"ScheduleId": schedule["ScheduleId"], "Arn": schedule["Arn"]}


def _put_schedule(context: Context, data_set: Resource, schedule: Record) -> Record:
    _check_spice(data_set)
    if not re.fullmatch(r"[\w-]{1,128}", schedule["ScheduleId"], re.ASCII):
        raise AwsError(
            INVALID, f"'Schedule.ScheduleId' is {schedule['ScheduleId']!r}, expected letters, digits, _ and -"
        )
    _check_frequency(schedule, data_set)
    if schedule["RefreshType"] == "INCREMENTAL_REFRESH" and not data_set.more.get("refresh"):
        message = f"The dataset {data_set.id} has no refresh properties for an incremental refresh"
        raise AwsError("PreconditionNotMetException", message)
    arn = f"{data_set.arn}/refresh-schedule/{schedule['ScheduleId']}"
    kept = {"StartAfterDateTime": context.now, **schedule, "Arn": arn}
    _schedules(data_set)[schedule["ScheduleId"]] = kept
    return {"ScheduleId": schedule["ScheduleId"], "Arn": arn}


def _check_frequency(schedule: Record, data_set: Resource) -> None:
    """https://docs.aws.amazon.com/quicksight/latest/APIReference/API_RefreshFrequency.html"""
    frequency = schedule["ScheduleFrequency"]
    interval, day = frequency["Interval"], frequency.get("RefreshOnDay") or {}
    if interval in _MINUTES:
        if schedule["RefreshType"] != "INCREMENTAL_REFRESH":
            raise AwsError(INVALID, f"The interval {interval} is for incremental refreshes alone")
        others = [each for each in _schedules(data_set).values() if each["ScheduleId"] != schedule["ScheduleId"]]
        if any(each["ScheduleFrequency"]["Interval"] in _MINUTES for each in others):
            raise AwsError(INVALID, f"The interval {interval} is for one schedule of a dataset alone")
    for wanted, member in (("WEEKLY", "DayOfWeek"), ("MONTHLY", "DayOfMonth")):
        if (interval == wanted) != (member in day):
            raise AwsError(INVALID, f"'{_FREQUENCY}.RefreshOnDay.{member}' goes with the interval {wanted}")
    time = frequency.get("TimeOfTheDay")
    if time is not None and not _TIME.fullmatch(time):
        raise AwsError(INVALID, f"'{_FREQUENCY}.TimeOfTheDay' is {time!r}, expected HH:MM")
    if time is None and interval in ("DAILY", "WEEKLY", "MONTHLY"):
        raise AwsError(INVALID, f"'{_FREQUENCY}.TimeOfTheDay' is missing, which the interval {interval} needs")
    zone = frequency.get("Timezone")
    if zone is not None and zone not in zoneinfo.available_timezones():
        raise AwsError(INVALID, f"'{_FREQUENCY}.Timezone' is {zone!r}, which is no time zone")


def _check_spice(data_set: Resource) -> None:
    """The message is AWS's: hashicorp/terraform-provider-aws, issue 31485."""
    if data_set.record["ImportMode"] != "SPICE":
        raise AwsError(
            INVALID,
            f"The dataset {data_set.id} is not a SPICE dataset and is not supported for incremental refresh.",
        )


def _properties(data_set: Resource) -> Record:
    found: Record | None = data_set.more.get("refresh")
    if found is None:
        raise AwsError("ResourceNotFoundException", f"The dataset {data_set.id} has no refresh properties")
    return found


def _schedules(data_set: Resource) -> dict[str, Record]:
    held: dict[str, Record] = data_set.more.setdefault("schedules", {})
    return held


def _schedule(data_set: Resource, identifier: str) -> Record:
    if identifier not in _schedules(data_set):
        raise AwsError("ResourceNotFoundException", f"RefreshSchedule {identifier} of {data_set.id} is not found")
    return _schedules(data_set)[identifier]

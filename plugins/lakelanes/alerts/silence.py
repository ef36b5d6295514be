"""Muting and closing alerts: what people do about one that they know of.

A mute lasts until a time, or until the cause is cured if that is earlier. Meanwhile nothing is sent on it. If the cause
is still open afterwards, ``incidents.catch_up`` says so once: a mute puts an alert off and loses none.

A closed alert is no longer listed. It comes back when its cause does: see ``incidents.report_all``.

Each change is one conditional write of the incident's item, so it is made to the incident that was looked at, and to no
other one of the same cause that has opened since.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lakelanes.alerts import incidents
from lakelanes.errors import LakeError
from lakelanes.ledger.entries import timestamp

if TYPE_CHECKING:
    from lakelanes.alerts.incidents import Incident
    from lakelanes.lake import Lake

# Who mutes for longer wants to close it, or to change what raises it.
LONGEST = timedelta(days=31)
_NAME_LENGTH = 200


class MuteError(LakeError):
    """An alert cannot be muted until the time that was given."""


def mute(lake: Lake, incident: Incident, until: datetime, by: str) -> bool:
    """Mutes an open incident until a time (aware); False when it is over by now, or was closed. Muting one that is
    muted already moves its end.

    by: the name of whoever does it. Raises MuteError for a time that is past or more than LONGEST away.
    """
    now = lake.clock()
    if not now < until <= now + LONGEST:
        days = LONGEST.days
        raise MuteError(
            f"an alert can be muted until a time within the next {days} days, not until {until:%F %H:%M %Z}"
        )
    return incidents.change(
        lake,
        incident,
        "SET muted_by = :by, muted_until = :until",
        {":by": by[:_NAME_LENGTH], ":until": timestamp(until)},
        unless_closed=True,
    )


def unmute(lake: Lake, incident: Incident) -> bool:
    """Ends the mute of an incident; False when it is over by now. An alert that was not sent before the mute is sent
    then."""
    return incidents.change(lake, incident, "REMOVE muted_by, muted_until", {})


def close(lake: Lake, incident: Incident, by: str) -> bool:
    """Closes an open incident, and ends its mute; False when it is over by now, or was closed already. ``by``: the name
    of whoever does it."""
    closed_on = incidents.state_of_file(lake, incident.cause)
    return incidents.change(
        lake,
        incident,
        "SET closed_by = :by, closed_at = :at, closed_on = :on REMOVE muted_by, muted_until",
        {":by": by[:_NAME_LENGTH], ":at": lake.ledger.now(), ":on": closed_on},
        unless_closed=True,
    )

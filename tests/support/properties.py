"""How hard the tests try: as hard as everybody can wait for, and with LAKELANES_EXAMPLES=10 ten times as hard."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# Multiplies the number of examples, which are then other ones in every run; from 2 on what has sizes is tried whole.
EFFORT = int(os.environ.get("LAKELANES_EXAMPLES", "1"))

# Hypothesis mixes in constants of all modules of ours that are imported by then, so that the examples would be other
# ones whenever other tests ran before in the same process. It has no setting for that.
setattr(providers, "_get_local_constants", lambda: providers._local_constants)  # noqa: B010


def examples(count: int) -> settings:
    """So many examples, the same ones in every run: a failure prints what repeats it."""
    return settings(
        max_examples=count * EFFORT,
        derandomize=EFFORT == 1,
        deadline=None,
        print_blob=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

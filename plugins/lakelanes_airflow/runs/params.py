"""What a run's configuration may hold: the Params of its DAG, and nothing else."""

from __future__ import annotations

import difflib
from typing import Any

from lakelanes.errors import SelectionError


def check_params(context: Any) -> None:
    """Raises SelectionError for a key of the run's configuration that no Param of its DAG has.

    Airflow takes any: a misspelt name would change nothing, and the run do what it does without it, such as to load
    everything.
    """
    declared = list(context["dag"].params)
    for name in context["dag_run"].conf or {}:
        if name not in declared:
            near = difflib.get_close_matches(str(name), declared, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            reason = (
                f"{context['dag'].dag_id} has none of this name{meant or '; it has ' + ', '.join(sorted(declared))}"
            )
            raise SelectionError(str(name), reason)

"""What a run's configuration may hold: the Params of its DAG, and nothing else."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, Param
from airflow.sdk.definitions.param import ParamsDict

from lakelanes.errors import SelectionError

# jsonschema checks a Param's schema each time that it checks a value; this draft's in a third of the time of the
# newest one's (https://json-schema.org/draft-07/schema).
_DRAFT: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#"}


def run_param(default: Any, **schema: Any) -> Param:
    """A Param of a DAG, by its JSON schema."""
    return Param(default, **_DRAFT, **schema)


def set_params(dag: DAG, params: Mapping[str, Param]) -> None:
    """Gives a DAG its Params, once it has its tasks.

    A task gets a copy of the Params that its DAG has before it. These copies change nothing (a run has the DAG's), but
    are checked a dozen times while the DAG is serialized: of 200 loads, eight of the nine seconds that took.
    """
    dag.params = ParamsDict(params)


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

"""The methods by which Airflow's OpenLineage provider asks an operator what it read and wrote.

Nobody calls them but its listener, which is there only where the provider is installed and has somewhere to send events
to. So nothing of OpenLineage is imported here, nor what finds lineage: each is when it is asked for. The listener asks
in a process that it forks from the task's, and gives it ten seconds ([openlineage] execution_timeout); so an operator
answers by what it remembers, and sends no request: the connections of its clients are the task's.

https://airflow.apache.org/docs/apache-airflow-providers-openlineage/stable/guides/developer.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors.base import OperatorLineage

    from lakelanes.lineage.datasets import Lineage

    Told = OperatorLineage[Any, Any]

T = TypeVar("T")


class Remembered(Generic[T]):
    """What an operator remembers of its work, however much it is.

    As a plain attribute it would be in every event: with [openlineage] include_full_task_info these have all
    attributes, texts, lists and dictionaries in full, and of other objects the name of the class.
    """

    def __init__(self, it: T) -> None:
        self.it = it


class WithLineage:
    """An operator that knows what it read and wrote."""

    def lineage(self) -> Lineage:
        """What is known by now: before it executes what it is to do, afterwards what it did, as far as it came."""
        raise NotImplementedError

    def get_openlineage_facets_on_start(self) -> Told:
        return self._told()

    def get_openlineage_facets_on_complete(self, task_instance: object) -> Told:
        return self._told()

    def get_openlineage_facets_on_failure(self, task_instance: object) -> Told:
        return self._told()

    def _told(self) -> Told:
        from lakelanes_airflow.lineage.facets import operator_lineage

        return operator_lineage(self.lineage())

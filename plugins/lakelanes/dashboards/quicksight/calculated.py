"""The calculated fields of a dashboard: each expression of a data set once, under a name that people see."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

from lakelanes.dashboards.quicksight.resources import Properties

# Of a field's name (https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CalculatedField.html).
_LONGEST = 128


class CalculatedFields:
    """Grows while the visuals are made."""

    def __init__(self, taken: Collection[str]) -> None:
        """taken: the names of all columns, which no field may have."""
        self._taken = {name.lower() for name in taken}
        self._names: dict[tuple[str, str, str], str] = {}

    def name(self, dataset: str, label: str, expression: str) -> str:
        """The field of an expression: its label, and 'calculated' where something else is called so.

        Visuals show a field's name where no label can be set.
        """
        # Braces would end a reference to the field.
        label = label.replace("{", "(").replace("}", ")")
        key = (dataset, label, expression)
        if key not in self._names:
            for number in count(1):
                suffix = "" if number == 1 else ", calculated" if number == 2 else f", calculated {number - 1}"
                name = label[: _LONGEST - len(suffix)] + suffix
                if name.lower() not in self._taken:
                    break
            self._taken.add(name.lower())
            self._names[key] = name
        return self._names[key]

    def properties(self) -> list[Properties]:
        """A Definition's CalculatedFields."""
        return [
            {"DataSetIdentifier": dataset, "Name": name, "Expression": expression}
            for (dataset, _, expression), name in self._names.items()
        ]

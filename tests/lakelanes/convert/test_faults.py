"""What is noted of the records of a block: one fault each, the last one added."""

from __future__ import annotations

import numpy as np

from lakelanes.convert.faults import Faults


def test_without_faults_every_record_has_none() -> None:
    faults = Faults(3)
    faults.add(np.array([0, 1]), "a", [])
    assert not faults.any
    assert faults.records().tolist() == []
    assert faults.of(np.array([0, 2])) == ([None, None], [None, None])
    assert faults.first_freezing(np.array([0])) is None


def test_of_two_faults_of_a_record_the_last_one_added_stays() -> None:
    faults = Faults(4)
    faults.add(np.array([1, 3]), "b", ["b1", "b3"], np.array([True, True]))
    faults.add(np.array([1]), "a", ["a1"])
    assert faults.records().tolist() == [1, 3]
    assert faults.of(np.array([1, 2, 3])) == (["a", None, "b"], ["a1", None, "b3"])
    assert faults.first_freezing(np.array([0, 1, 3])) == 2, "the fault of record 1 that freezes was replaced"

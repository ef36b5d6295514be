"""What all DAGs share."""

from __future__ import annotations

import pytest

from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import OWNER, Tag


def test_every_dag_has_the_lakes_tag_before_its_own() -> None:
    assert dag_arguments(Tag.LOAD, Tag.MAINTENANCE)["tags"] == ["lake", "load", "maintenance"]
    assert dag_arguments()["tags"] == ["lake"]


def test_the_owner_leads_to_the_dags_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org/")
    links = dag_arguments(page="/entities/größe")["owner_links"]
    assert links == {OWNER: "https://airflow.example.org/lake/entities/gr%C3%B6%C3%9Fe"}


def test_without_an_address_of_airflow_there_is_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    assert dag_arguments()["owner_links"] == {}

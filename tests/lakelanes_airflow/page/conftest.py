"""Airflow's own API server application with the page mounted in it, its users, and a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow import plugins_manager
from airflow.api_fastapi.app import get_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.utils import db
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page

from lakelanes.lake import Lake
from lakelanes_airflow.page.app import the_app
from lakelanes_airflow.page.background import BackgroundWork
from lakelanes_airflow.plugin import LakelanesPlugin
from tests.support.browser import PATIENCE_MILLISECONDS, running_browser, served

DAGS = Path(__file__).resolve().parents[3] / "dags"
USERS = {"viewer": "viewer", "user": "user"}
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def airflow_app() -> Iterator[FastAPI]:
    """The application that Airflow's API server serves, with what its plugin adds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", ",".join(f"{n}:{r}" for n, r in USERS.items()))
        patch.setattr(plugins_manager, "get_fastapi_plugins", lambda: (LakelanesPlugin.fastapi_apps, []))
        db.initdb()
        purge_cached_app()
        from airflow.api_fastapi.main import app

        yield app
    purge_cached_app()


@pytest.fixture
def background() -> Iterator[BackgroundWork]:
    """The page's work in the background, without its pauses."""
    own, the_app().state.background = the_app().state.background, BackgroundWork(pause_seconds=0)
    yield the_app().state.background
    the_app().state.background.wait()
    the_app().state.background = own


@pytest.fixture
def as_user(airflow_app: FastAPI, background: BackgroundWork) -> Callable[[str | None], TestClient]:
    """A browser of a user, or of nobody: ``as_user("viewer")``. It sends the cookie that Airflow's login sets."""

    def make(name: str | None) -> TestClient:
        client = TestClient(airflow_app, follow_redirects=False, headers={"sec-fetch-site": "same-origin"})
        if name:
            role = USERS[name].upper()
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role, teams=None))
            client.cookies.set("_token", token)
        return client

    return make


@pytest.fixture
def dags(airflow_app: FastAPI, lake: Lake) -> dict[str, Any]:
    """The lake's DAGs, in the database as the DAG processor puts them there."""
    bag = DagBag(str(DAGS), bundle_name="dags-folder")
    assert bag.import_errors == {}
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "dags-folder", None)
    return dict(bag.dags)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def address(airflow_app: FastAPI) -> Iterator[str]:
    with served(airflow_app) as url:
        yield url


@pytest.fixture
def open_page(browser: Browser, address: str, background: BackgroundWork) -> Iterator[Open]:
    """``open_page(path, user="viewer", **options of the browser's context)``; fails on any error that a page logs."""
    contexts = []
    errors: list[str] = []

    def make(path: str, user: str | None = "viewer", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        if user:
            role = USERS[user].upper()
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=role, teams=None))
            context.add_cookies([{"name": "_token", "value": token, "url": address}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
        page.goto(address + path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []

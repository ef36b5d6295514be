"""Every DAG: its tasks, its documentation, and the rules that all of them keep."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import Asset
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.serialization.serialized_objects import DagSerialization
from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmarks.dag_parsing import large_lake
from lakelanes.config import loading
from lakelanes_airflow.defaults import OWNER, RetryWhatCanPass, Tag
from lakelanes_airflow.notifications.run_alerts import alert_on_failure
from lakelanes_airflow.timetables.partitions import PastPartitionTimetable
from lakelanes_airflow.timetables.priorities import DailyLoadFirst
from tests.dags.conftest import DAGS, conf_vars
from tests.support.lakes import SALES, config_text
from tests.support.source_tables import ORDERS

LOAD_TASKS = {"sense", "convert", "publish", "report_failures", "refresh_views"}
EXPORT_TASKS = {"plan", "window.export", "window.convert", "publish", "report_failures", "refresh_views"}
# A DAG that is not listed here, or lost a task, fails a test.
EXPECTED = {
    "load_sales": LOAD_TASKS,
    "load_store_targets": LOAD_TASKS,
    "load_web_sessions": LOAD_TASKS,
    "sweep_sources": {"find", "convert", "publish", "report_failures", "refresh_views"},
    "refresh_views": {"refresh"},
    "refresh_dashboards": {"look", "refresh", "powerbi"},
    "maintain_lake": {"maintain"},
    "watch_lake": {"watch"},
    "export_orders": EXPORT_TASKS,
}
TABLES: dict[str, Any] = {
    "orders": {"dynamodb_table": "shop-orders", **ORDERS, "export": {"window_minutes": 60}},
    "carts": {
        **{"dynamodb_table": "shop-carts", **ORDERS, "table_name": "carts"},
        "export": {"schedule": "0 6 * * *", "timezone": "Europe/Zurich"},
    },
    "clicks": {"dynamodb_table": "shop-clicks", **ORDERS, "table_name": "clicks", "lanes": ["stream"]},
}
# What a DAG file may know of the engine: the configuration, of which its DAGs are made.
CONFIGURATION = {"lakelanes.config.loading", "lakelanes.config.model"}

each = pytest.mark.parametrize("dag_id", sorted(EXPECTED))


def test_every_dag_file_imports_without_a_network(parse: Callable[..., DagBag]) -> None:
    bag = parse()
    assert bag.import_errors == {}
    assert {dag_id: set(dag.task_ids) for dag_id, dag in bag.dags.items()} == EXPECTED


def test_any_configuration_makes_its_own_dags(parse: Callable[..., DagBag], tmp_path: Path) -> None:
    config = tmp_path / "lake.json"
    entities = {
        f"entity_{n}": {**SALES, "table_name": f"t{n}", "filename_pattern": rf"e{n}_(\d{{4}})_(\d{{2}})_(\d{{2}})\.csv"}
        for n in range(20)
    }
    config.write_text(config_text(entities))
    bag = parse(config)
    assert bag.import_errors == {}
    assert {f"load_entity_{n}" for n in range(20)} | {
        *("sweep_sources", "refresh_views", "refresh_dashboards", "maintain_lake", "watch_lake")
    } == set(bag.dags)


def test_an_entity_with_its_dates_in_the_rows_has_a_load_without_partition_keys(
    parse: Callable[..., DagBag], tmp_path: Path
) -> None:
    config = tmp_path / "lake.json"
    keys = [{"name": "dt", "column": "transaction_date"}]
    exports = {**SALES, "filename_pattern": r"export_\d+\.csv", "partition_keys": keys, "schedule": "0 6 * * *"}
    config.write_text(config_text({"exports": exports}))
    bag = parse(config)
    assert bag.import_errors == {}
    assert set(bag.dags["load_exports"].task_ids) == LOAD_TASKS
    assert not isinstance(bag.dags["load_exports"].timetable, PastPartitionTimetable)


def test_each_table_that_is_exported_has_its_dag(parse: Callable[..., DagBag], tmp_path: Path) -> None:
    config = tmp_path / "lake.json"
    config.write_text(config_text(tables=TABLES))
    bag = parse(config)
    assert bag.import_errors == {}
    exports = {dag_id: dag for dag_id, dag in bag.dags.items() if dag_id.startswith("export_")}
    assert {dag_id: set(dag.task_ids) for dag_id, dag in exports.items()} == {
        "export_orders": EXPORT_TASKS,
        "export_carts": EXPORT_TASKS,
    }
    for dag in exports.values():
        assert_documented(dag)
        assert_alerts(dag)
        assert_params(dag)
        encoded = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        assert set(DagSerialization.from_dict(encoded).task_dict) == EXPORT_TASKS
        [asset] = dag.get_task("publish").outlets
        assert asset.name.endswith("_current") and asset.uri.endswith("_changes")
        for task_id in ("window.export", "window.convert"):
            assert dag.get_task(task_id).map_index_template == "{{ task.window['label'] }}"
    assert exports["export_orders"].timetable.serialize()["key_format"] == "%Y-%m-%dT%H:%M"
    [maintain] = bag.dags["maintain_lake"].tasks
    assert maintain.is_mapped and maintain.expand_input.value == {"table": ["orders", "carts"]}


def test_a_faulty_configuration_is_an_import_error_that_names_the_setting(
    parse: Callable[..., DagBag], tmp_path: Path
) -> None:
    config = tmp_path / "lake.json"
    config.write_text(config_text({"sales": {**SALES, "partition_keys": ["year"]}}))
    errors = parse(config).import_errors
    assert set(errors) and all("entities.sales" in text for text in errors.values())


def test_a_task_parses_its_own_dag_only(parse: Callable[..., DagBag], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "load_sales")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "sense")
    loads = {dag_id for dag_id in parse().dags if dag_id.startswith("load_")}
    assert loads == {"load_sales"}


@each
def test_the_documentation_is_the_files_docstring(dags: dict[str, Any], dag_id: str) -> None:
    assert_documented(dags[dag_id])


def assert_documented(dag: Any) -> None:
    assert dag.doc_md == ast.get_docstring(ast.parse(Path(dag.fileloc).read_text()), clean=False)
    for section in ("# ", "## What it does", "## When it runs", "## When it fails"):
        assert section in dag.doc_md
    parts = list(markdown(dag.doc_md))
    # Airflow shows no HTML, and takes <entity> for it; what is set in is a listing to it, whose lines do not wrap.
    assert [part.content for part in parts if part.type in ("html_block", "html_inline", "code_block")] == []
    strong = {after.content for before, after in pairwise(parts) if before.type == "strong_open"}
    assert {task_id.rpartition(".")[2] for task_id in dag.task_ids} <= strong, "each task is told of by its name"


def markdown(text: str) -> Iterator[Token]:
    """The tokens of a text as CommonMark has them, which Airflow's UI follows (react-markdown, with ``skipHtml``)."""
    for token in MarkdownIt("commonmark").parse(text):
        yield from token.children or [token]


def test_a_word_that_the_ui_would_swallow_is_found() -> None:
    found = [token.content for token in markdown("# load_<entity>\n\n`load_<entity>`") if token.type == "html_inline"]
    assert found == ["<entity>"]


@each
def test_a_failed_run_alerts_and_only_what_can_pass_is_tried_again(dags: dict[str, Any], dag_id: str) -> None:
    assert_alerts(dags[dag_id])


def assert_alerts(dag: Any) -> None:
    assert dag.on_failure_callback == alert_on_failure
    assert OWNER in dag.owner
    assert Tag.LAKE in dag.tags
    assert not dag.catchup
    for task in dag.tasks:
        assert isinstance(task.retry_policy, RetryWhatCanPass), task.task_id
        assert task.retries > 0
        # It would come once more, and again after a lost heartbeat.
        assert not task.on_failure_callback


@each
def test_every_param_has_a_type_a_title_a_description_and_a_default_that_can_be_triggered(
    dags: dict[str, Any], dag_id: str
) -> None:
    assert_params(dags[dag_id])


def assert_params(dag: Any) -> None:
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.schema.get("type") and param.schema.get("title"), name
        # The UI shows it as it is, without Markdown.
        assert param.description and param.description.endswith(".") and not set("`*<>") & set(param.description), name
        assert param.description.rstrip(".") != param.schema["title"], name
        param.resolve()


@each
def test_the_dag_survives_airflows_serialization(dags: dict[str, Any], dag_id: str) -> None:
    """What the scheduler has of it: timetable and priorities are the plugin's, found by their names."""
    encoded = json.loads(json.dumps(DagSerialization.to_dict(dags[dag_id])))
    decoded = DagSerialization.from_dict(encoded)
    assert set(decoded.task_dict) == EXPECTED[dag_id]
    assert type(decoded.timetable) is type(coerce_to_core_timetable(dags[dag_id].timetable))
    for task in decoded.task_dict.values():
        assert isinstance(task.weight_rule, DailyLoadFirst), task.task_id


def test_the_owner_leads_to_the_lake_page(parse: Callable[..., DagBag]) -> None:
    with conf_vars({("api", "base_url"): "https://airflow.example.com/"}):
        links = {dag_id: dag.owner_links for dag_id, dag in parse().dags.items()}
    page = "https://airflow.example.com/lake"
    assert {dag_id: link[OWNER] for dag_id, link in links.items()} == {
        "load_sales": f"{page}/entities/sales",
        "load_store_targets": f"{page}/entities/store_targets",
        "load_web_sessions": f"{page}/entities/web_sessions",
        "sweep_sources": f"{page}/files",
        "refresh_views": f"{page}/dashboards",
        "refresh_dashboards": f"{page}/dashboards",
        "maintain_lake": f"{page}/",
        "watch_lake": f"{page}/",
        "export_orders": f"{page}/tables/orders",
    }


def test_without_an_address_of_its_own_airflow_shows_owners_without_links(parse: Callable[..., DagBag]) -> None:
    with conf_vars({("api", "base_url"): "/airflow"}):
        bag = parse()
    assert bag.import_errors == {}
    assert {dag_id: dag.owner_links for dag_id, dag in bag.dags.items()} == {dag_id: {} for dag_id in EXPECTED}


@each
def test_runs_are_bounded_and_none_is_caught_up_by_itself(dags: dict[str, Any], dag_id: str) -> None:
    dag = dags[dag_id]
    assert not dag.catchup
    assert dag.max_active_runs == {"load": 64, "export": 16}.get(dag_id.partition("_")[0], 1)
    assert {task.pool for task in dag.tasks} == {"default_pool"}, "a task waits for ever for a pool that nobody made"


def test_runs_carry_the_lakes_partition_as_their_key(dags: dict[str, Any]) -> None:
    formats = {
        dag_id: dag.timetable.serialize()["key_format"]
        for dag_id, dag in dags.items()
        if isinstance(dag.timetable, PastPartitionTimetable)
    }
    assert formats == {
        "load_sales": "%Y-%m-%d",
        "load_store_targets": "%Y-%m",
        "load_web_sessions": "%Y-%m-%dT%H",
        "export_orders": "%Y-%m-%dT%H:%M",
    }


def test_each_table_is_an_asset_that_its_load_and_the_sweep_produce(dags: dict[str, Any]) -> None:
    def produced(dag_id: str) -> set[str]:
        return {asset.uri for asset in dags[dag_id].get_task("publish").outlets if isinstance(asset, Asset)}

    [sales] = produced("load_sales")
    assert sales.startswith("s3://") and sales.endswith("/sales_data")
    assert produced("sweep_sources") == set().union(*(produced(d) for d in dags if d.startswith("load_")))


def test_mapped_tasks_are_named_by_what_they_hold(dags: dict[str, Any]) -> None:
    mapped = [(dag.dag_id, task) for dag in dags.values() for task in dag.tasks if task.is_mapped]
    assert len(mapped) == 6
    names = {"maintain_lake": "task.table", "refresh_dashboards": "task.refresh['dataset']"}
    for dag_id, task in mapped:
        name = names.get(dag_id, "task.batch['label']")
        assert task.map_index_template == f"{{{{ {name} }}}}"


def test_dag_files_hold_wiring_only() -> None:
    for path in DAGS.glob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name for name in imported if name.startswith("lakelanes.")} <= CONFIGURATION, path
        assert not any(isinstance(node, ast.Import) for node in ast.walk(tree)), path


def test_a_large_lake_is_parsed_with_little_work(
    parse: Callable[..., DagBag], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Counted, not timed: `make bench CASES=dag_parsing` has the seconds."""
    count, read, checked = 20, list[str](), list[Any]()
    path = tmp_path / "lake.json"
    path.write_text(json.dumps(large_lake(count)))
    real_parse, real_check = loading.parse_config, jsonschema.validate

    def parse_config(text: str, *arguments: Any) -> Any:
        read.append(text)
        return real_parse(text, *arguments)

    def validate(value: Any, schema: Any, **options: Any) -> None:
        checked.append(schema)
        real_check(value, schema, **options)

    def refuse(*_: Any) -> None:
        raise AssertionError("a DAG file made a client of AWS while it was parsed")

    monkeypatch.setattr(loading, "parse_config", parse_config)
    monkeypatch.setattr(jsonschema, "validate", validate)
    monkeypatch.setattr("lakelanes.aws.clients.Clients.get", refuse)
    bag = parse(path)
    assert bag.import_errors == {} and len(bag.dags) == 2 * count + 5
    readers = {dag.fileloc for dag in bag.dags.values() if "load_config" in Path(dag.fileloc).read_text()}
    assert len(read) == len(readers) == 4, "once for each file that needs it"
    loads = [dag for name, dag in bag.dags.items() if name.startswith(("load_", "export_"))]
    params = sum(len(dag.params) for dag in loads)
    cheap = [schema for schema in checked if "draft-07" in schema.get("$schema", "")]
    assert len(cheap) == params == count * (7 + 2), "each once"
    assert len(checked) - len(cheap) < 50, "of all other DAGs together"
    checked.clear()
    for dag in loads:
        DagSerialization.to_dict(dag)
    assert checked == [], "no task has a copy"

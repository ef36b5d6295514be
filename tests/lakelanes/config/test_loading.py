"""Reading the configuration file: variables of the environment, JSON that breaks, and which file it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakelanes.config.loading import load_config, parse_config
from lakelanes.errors import ConfigError
from tests.lakelanes.config.support import ENV, SKETCH, changed, faults, parse
from tests.support.lakes import config_text


def test_a_dollar_brace_can_be_written_literally() -> None:
    config = parse(changed("entities.sales.schema.0.comment", "costs $${AMOUNT}"))
    assert config.entities["sales"].columns[0].comment == "costs ${AMOUNT}"


def test_a_value_from_the_environment_is_checked_like_any_other() -> None:
    raw = changed("resources.glue_database", "${DB}")
    assert faults(raw, {**ENV, "DB": "x`; DROP"})[0].startswith("resources.glue_database: 'x`; DROP' is not a database")


def test_json_that_does_not_parse_is_reported_with_line_and_column() -> None:
    with pytest.raises(ConfigError, match=r"lake\.json: 1 fault in the configuration\n  line 2, column 10: "):
        parse_config('{\n  "aws": nope}', ENV, "lake.json")


def test_a_setting_given_twice_is_a_fault() -> None:
    text = json.dumps(SKETCH).replace('"region": "us-east-1"', '"region": "us-east-1", "region": "eu-west-1"')
    with pytest.raises(ConfigError, match="region: is given twice"):
        parse_config(text, ENV)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.json: 1 fault"):
        load_config(tmp_path / "missing.json", ENV)


def test_lake_config_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(SKETCH))
    assert load_config(env={**ENV, "LAKE_CONFIG": str(path)}).resources.glue_database == "analytics_db"


def test_a_variable_may_have_a_text_that_stands_for_it_where_it_is_not_set() -> None:
    text = config_text().replace('"000000000000"', '"${AWS_ACCOUNT_ID:-000000000000}"')
    assert parse_config(text, {}).aws.account_id == "000000000000"
    assert parse_config(text, {"AWS_ACCOUNT_ID": ""}).aws.account_id == "000000000000"
    assert parse_config(text, {"AWS_ACCOUNT_ID": "123456789012"}).aws.account_id == "123456789012"
    assert parse_config(text.replace(":-0", ":-1"), {}).aws.account_id == "100000000000"
    with pytest.raises(ConfigError, match="does not name an environment variable"):
        parse_config(text.replace("AWS_ACCOUNT_ID:-", "1x:-"), {})

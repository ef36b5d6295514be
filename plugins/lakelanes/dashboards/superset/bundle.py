"""The bundle: an archive of YAML files in the form in which Superset exports and imports dashboards.

https://superset.apache.org/docs/configuration/importing-exporting-datasources. It has no credentials: Superset's
process finds them as every client of AWS does. Its metadata say no type, so that both ways of importing take it: the
one of dashboards, which leaves charts and datasets alone that are there already, and the one of assets, which replaces.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.configured import configured_dashboards
from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.superset.boards import board
from lakelanes.dashboards.superset.charts import chart
from lakelanes.dashboards.superset.datasets import VERSION, Json, Source, object_id, view_dataset
from lakelanes.dashboards.view_columns import Columns
from lakelanes.errors import LakeError

# The folder of everything in the archive.
ROOT = "lakelanes"
_METADATA = "metadata.yaml"


class BundleError(LakeError):
    """The bundle cannot be where it shall; the text says what is in the way."""


def bundle(config: LakeConfig, dashboards: Iterable[Dashboard], views: Mapping[str, Columns]) -> dict[str, Json]:
    """The documents of dashboards without faults, by path in the bundle's folder."""
    database = config.resources.glue_database
    connection = _connection(config)
    found: dict[str, Json] = {_METADATA: {"version": VERSION}, f"databases/{database}.yaml": connection}
    for dashboard in dashboards:
        for dataset in dashboard.datasets.values():
            path = f"datasets/{database}/{dataset.view}.yaml"
            if path not in found:
                found[path] = view_dataset(database, connection["uuid"], dataset, views[dataset.view])
        for visual in dashboard.visuals:
            dataset = dashboard.datasets[visual.dataset]
            source = Source(database, dashboard.name, visual, dataset, views[dataset.view])
            if source.has_own:
                path = f"datasets/{database}/{dashboard.name}.{visual.id}.yaml"
                found[path] = source.own_dataset(connection["uuid"])
            path = f"charts/{dashboard.name}.{visual.id}.yaml"
            found[path] = chart(database, dashboard.name, visual, source)
        found[f"dashboards/{dashboard.name}.yaml"] = board(database, dashboard)
    return dict(sorted(found.items()))


def lake_bundle(config: LakeConfig) -> dict[str, Json]:
    """The documents of include/dashboards for a lake, without what reads views that its configuration does not make.

    Raises what ``configured_dashboards`` raises.
    """
    dashboards, found = configured_dashboards(config)
    return bundle(config, dashboards, found.columns)


def archive(documents: Mapping[str, Json]) -> bytes:
    """The bundle as an archive, the same for the same documents."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as file:
        for path, document in documents.items():
            text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
            # Without the time of day, which would tell two runs apart.
            entry = zipfile.ZipInfo(f"{ROOT}/{path}")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(entry, text)
    return body.getvalue()


def write(documents: Mapping[str, Json], path: Path) -> None:
    """Writes the archive. Raises BundleError for a file that is there and is no bundle of an earlier run."""
    if path.exists() and not _is_bundle(path):
        raise BundleError(f"{path}: is there already, and no bundle of dashboards; name another file")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive(documents))


def _is_bundle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return f"{ROOT}/{_METADATA}" in file.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _connection(config: LakeConfig) -> Json:
    """Superset's connection to the lake. By it nothing is written but Athena's answers."""
    database, workgroup = config.resources.glue_database, config.resources.workgroup_name
    # PyAthena takes the region from the host, and the endpoint from AWS_ENDPOINT_URL or of AWS.
    host = f"athena.{config.aws.region}.amazonaws.com"
    return {
        "database_name": f"Lake {database}",
        "sqlalchemy_uri": f"awsathena+rest://@{host}:443/{database}?work_group={workgroup}",
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "impersonate_user": False,
        "extra": {"allows_virtual_table_explore": True, "metadata_params": {}, "engine_params": {}},
        "uuid": object_id(database, "connection"),
        "version": VERSION,
    }

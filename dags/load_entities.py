"""
# `load_<entity>`: CSV files of one entity, from the source bucket to a table in Athena

One DAG per entity of the configuration.

## What it does

Its tasks, one after the other; the last two follow publish side by side:

1. **sense** waits for the partition's files, without holding a worker, and puts those that the ledger does not have
   into batches of about equal size. Planning belongs to sensing: the listing and the ledger's answer are at hand there.
   Where the lake has all files, and Glue their partitions, the run ends here, and the other tasks are skipped.
2. **convert**, one task per batch, claims, converts and commits the files of the batch. Its name in the grid says what
   the batch holds.
3. **publish** registers the run's partitions in Glue, compares Athena's row counts with the ledger's, and emits one
   asset event per partition. These steps share one task: each needs the one before, and a task start costs more than
   they do.
4. **report_failures** is skipped when all went well. Otherwise it fails the run and names each file, line and reason;
   what could be loaded has been published by then.
5. **refresh_views** is skipped unless a table was created or changed.

## When it runs

An entity that is partitioned by date has one run per partition, and the run's partition key is the lake's partition:
the run of 2024-03-15 loads the files named for 2024-03-15. It starts when that day is over (`schedule` of the entity
changes this) and waits until `deadline_minutes` after that. Other entities run on their `schedule`, if they have one;
so do those whose date is in the rows of their files. Such a run loads all files of the entity that are not loaded yet.

- **Backfill**: choose the partitions' dates. A partition whose files are loaded already costs one short task, and is
  published again only if Glue lacks it. One that is not over yet is refused, with the whole request. A past partition
  without files fails after 5 minutes. A backfill that was cancelled goes on with the next one: what is loaded stays.
- **Trigger without a partition key**: loads all files of the entity that are not loaded yet, and does not wait for any.
  *partition*, *first_partition* and *last_partition*, *keys* or *prefix* limit the run to some; *reload* loads also
  what is loaded already; *dry_run* changes nothing and says in the log of sense what would happen to each file, and
  why.
- **Trigger with a partition key** (REST, CLI): as the scheduled run of that partition, waiting included.

Tasks of scheduled runs go first, then those of manual ones, then those of backfills (docs/running.md).

## When it fails

An alert names the files and the reason. There is one per cause until that is cured, however many runs meet it, and then
a recovery message (docs/alerts.md). A refused file (state `rejected`) needs a corrected upload under the same key; for
anything else, remove the cause. Then clear the run's failed tasks, or trigger the DAG: files that are loaded stay as
they are. A missed deadline needs the file; then clear `sense`. A message that begins with *Param* says what is wrong
with what the run was asked for: trigger it again. Faults that can pass (throttling, a lost connection, a file that is
overwritten while it is read) are tried again by themselves; a refused file, a missed deadline and a fault of the
configuration are not.

## Race conditions

Any number of runs, the sweep and the low-latency lane may want the same file: the ledger gives it to one of them. A run
waits for a file of its partition that another run or lane is loading.
"""

from __future__ import annotations

from airflow.sdk import DAG, get_parsing_context

from lakelanes.config.loading import load_config
from lakelanes.config.model import Entity, LakeConfig
from lakelanes_airflow.assets import table_asset
from lakelanes_airflow.dag_arguments import dag_arguments
from lakelanes_airflow.defaults import Tag
from lakelanes_airflow.load_tasks import load_planned
from lakelanes_airflow.notifications.run_alerts import LOAD_PREFIX
from lakelanes_airflow.runs.params import set_params
from lakelanes_airflow.runs.selection import load_params
from lakelanes_airflow.sensors.source_files import SourceFilesSensor
from lakelanes_airflow.timetables.schedules import schedule_of


def load_dag(config: LakeConfig, entity: Entity) -> DAG:
    """The DAG that loads one entity."""
    with DAG(
        dag_id=f"{LOAD_PREFIX}{entity.name}",
        description=f"{entity.name}: files like {entity.filename_pattern} into {entity.table_name}",
        doc_md=__doc__,
        schedule=schedule_of(entity),
        # A run that waits for its files is an active one, and costs nothing.
        max_active_runs=64,
        **dag_arguments(Tag.LOAD, page=f"/entities/{entity.name}"),
    ) as dag:
        sense = SourceFilesSensor(task_id="sense", entity=entity.name)
        load_planned(sense, [table_asset(config, entity)])
    set_params(dag, load_params())
    return dag


_config = load_config()
_wanted = get_parsing_context().dag_id
for _entity in _config.entities.values():
    # A task parses this file only for its own DAG.
    if _wanted in (None, f"{LOAD_PREFIX}{_entity.name}"):
        globals()[f"load_{_entity.name}"] = load_dag(_config, _entity)

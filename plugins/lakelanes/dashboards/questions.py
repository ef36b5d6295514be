"""What is asked of the views for the dashboards: a question per visual, and one per view that no dashboard draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lakelanes.config.resource_paths import INCLUDE
from lakelanes.dashboards.loading import DASHBOARDS, read_dashboards
from lakelanes.dashboards.model import Dashboard, Dataset, Visual

if TYPE_CHECKING:
    from lakelanes.config.model import LakeConfig
    from lakelanes.dashboards.view_columns import Columns, ViewColumns
    from lakelanes.lake import Lake

VIEWS = INCLUDE / "sql" / "views"


@dataclass(frozen=True)
class Question:
    """A visual's question, or one for the first rows of a view: ``visual`` and ``dataset`` are then None.

    id: '<dashboard>/<visual>', or 'view/<name>'.
    """

    id: str
    view: str
    visual: Visual | None = None
    dataset: Dataset | None = None

    def sql(self, lake: Lake) -> str:
        """The query. The first one of a process takes a second longer: all views are parsed for it."""
        # Here and not above: most of what imports this module needs no SQL parser, which takes long to import.
        from lakelanes.dashboards.queries import view_sql, visual_sql

        database = lake.config.resources.glue_database
        if self.visual is None or self.dataset is None:
            return view_sql(database, self.view)
        return visual_sql(database, self.visual, self.dataset, columns_of(lake.config)[self.view])


@dataclass(frozen=True)
class Library:
    """The dashboards' files, and the views beside them.

    faults: of references to views and columns; faulty: the ids of the visuals that have one.
    """

    dashboards: tuple[Dashboard, ...]
    faults: tuple[str, ...] = ()
    faulty: frozenset[str] = field(default_factory=frozenset)

    def dashboard(self, name: str) -> Dashboard | None:
        return next((one for one in self.dashboards if one.name == name), None)

    def questions(self, dashboard: Dashboard) -> list[Question]:
        """Those of a dashboard's visuals, but the faulty ones, in their order."""
        asked = [visual_question(dashboard, visual) for visual in dashboard.visuals]
        return [question for question in asked if question.id not in self.faulty]

    def all_questions(self, views: Iterable[str]) -> list[Question]:
        """Those of all visuals that read one of these views, and one for each of these that no dashboard draws."""
        views = list(views)
        asked = [one for dashboard in self.dashboards for one in self.questions(dashboard) if one.view in views]
        return asked + [view_question(name) for name in self.undrawn(views)]

    def undrawn(self, views: Iterable[str]) -> list[str]:
        """Those of the views that no dashboard draws."""
        drawn = {dataset.view for dashboard in self.dashboards for dataset in dashboard.datasets.values()}
        return [name for name in views if name not in drawn]


def visual_question(dashboard: Dashboard, visual: Visual) -> Question:
    dataset = dashboard.datasets[visual.dataset]
    return Question(f"{dashboard.name}/{visual.id}", dataset.view, visual, dataset)


def view_question(view: str) -> Question:
    return Question(f"view/{view}", view)


def library(lake: Lake) -> Library:
    """The dashboards of include/dashboards, read anew when a file of them or of the views changed.

    Raises DashboardError for a file that is none.
    """
    return _library(_Key(lake.config, _stamps(DASHBOARDS, "*.json") + _stamps(VIEWS, "*.sql")), DASHBOARDS, VIEWS)


def noted_questions(views: Iterable[str]) -> list[Question]:
    """All questions that may have been asked of these views; without a look at columns, and so without the parser."""
    return Library(tuple(read_dashboards(DASHBOARDS))).all_questions(views)


def made_views(lake: Lake) -> list[str]:
    """The views that exist, as the last refresh of the views has noted."""
    return sorted(lake.ledger.read_note("views"))


@lru_cache(maxsize=256)
def asks(view: str) -> str:
    """What a view's file says that it answers: its first line of comment; '' where there is none."""
    path = VIEWS / f"{view}.sql"
    if not path.is_file():
        return ""
    first = path.read_text(encoding="utf-8").lstrip().split("\n", 1)[0]
    return first.removeprefix("--").strip() if first.startswith("--") else ""


def columns_of(config: LakeConfig) -> Mapping[str, Columns]:
    """The columns of the views, which are told from their files once per process and change of a file."""
    return _found(config).columns


def _found(config: LakeConfig) -> ViewColumns:
    return _columns(_Key(config, _stamps(VIEWS, "*.sql")), VIEWS)


@dataclass(frozen=True)
class _Key:
    """A configuration and the files' times; the configuration itself cannot be hashed."""

    config: LakeConfig = field(hash=False)
    stamps: tuple[tuple[str, int, int], ...]


@lru_cache(maxsize=4)
def _library(key: _Key, directory: Path, views: Path) -> Library:
    dashboards = tuple(read_dashboards(directory))
    if not dashboards:
        return Library(())
    from lakelanes.dashboards.faults import faulty_visuals, reference_faults

    found = _columns(_Key(key.config, _stamps(views, "*.sql")), views)
    known, others = found.columns, found.left_out
    faulty = frozenset(f"{one.name}/{visual}" for one in dashboards for visual in faulty_visuals(one, known, others))
    return Library(dashboards, tuple(reference_faults(dashboards, known, others)), faulty)


@lru_cache(maxsize=4)
def _columns(key: _Key, directory: Path) -> ViewColumns:
    from lakelanes.dashboards.view_columns import view_columns

    return view_columns(key.config, directory)


def _stamps(directory: Path, pattern: str) -> tuple[tuple[str, int, int], ...]:
    found = [(path.name, path.stat()) for path in sorted(directory.glob(pattern))]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)

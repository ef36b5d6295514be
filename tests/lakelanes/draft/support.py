"""Samples in memory, and what was proposed for a text."""

from __future__ import annotations

import io
from typing import Any

from lakelanes.draft.columns import Proposal, Texts, propose
from lakelanes.draft.entity import Draft, draft_entity
from lakelanes.draft.samples import Looked, Sample


def sample(data: bytes | str, name: str = "sales_2024-03-15.csv", folder: str = "") -> Sample:
    raw = data if isinstance(data, bytes) else data.encode()
    return Sample(name, lambda: io.BytesIO(raw), folder)


def drafted(data: bytes | str, name: str = "sales_2024-03-15.csv") -> Draft:
    return draft_entity([sample(data, name)])


def looked(data: str) -> Looked:
    raw = data.encode()
    return Looked(sample(raw), raw, raw[-65536:], len(raw))


def proposed(values: list[str], name: str = "c", **context: Any) -> Proposal:
    texts = Texts(name)
    for line, value in enumerate(values, 2):
        texts.add(value, line)
    return propose(texts, **context)

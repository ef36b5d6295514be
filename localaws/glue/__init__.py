"""The local Glue Data Catalog: ministack's, with what it lacks put in front of it."""

from __future__ import annotations

from localaws.glue.service import GlueService

__all__ = ["GlueService"]

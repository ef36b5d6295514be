"""The local Athena: the service's API over an engine that reads the Glue catalogue and S3 through their public APIs."""

from __future__ import annotations

from localaws.athena.service import AthenaService

__all__ = ["AthenaService"]

"""Settings of the local Superset (scripts/bi.py), which Superset reads as its superset_config.

Its folder, SUPERSET_HOME, has what is its own: the secret key, the database of users and dashboards.
"""

from __future__ import annotations

import os
from pathlib import Path

HOME = Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = (HOME / "secret_key").read_text()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"
# One process, so what counts requests need not be shared.
RATELIMIT_STORAGE_URI = "memory://"

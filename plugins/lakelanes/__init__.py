"""The Lakelanes engine: from source files to partitioned, catalogued tables. Plain Python, imports no Airflow."""

# The only place of the version: pyproject.toml and `lakelanes --version` read it here.
__version__ = "0.2.0.dev0"

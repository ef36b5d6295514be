"""The Lakelanes engine: from source files to partitioned, catalogued tables. Plain Python, imports no Airflow."""

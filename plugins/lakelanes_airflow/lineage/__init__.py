"""What Airflow's OpenLineage provider asks of operators, where it is installed and configured (docs/lineage.md)."""

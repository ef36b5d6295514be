"""The dashboards as a bundle that Apache Superset imports."""

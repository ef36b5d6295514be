"""The Lake page of the Airflow UI: server-rendered, and of one application that the plugin mounts."""

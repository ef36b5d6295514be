"""What Airflow needs beside the engine: schedules, assets, a sensor with its trigger, operators and alerts."""

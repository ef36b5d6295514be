"""The one configuration: its model, its loading, its faults, and what its settings mean for partitions and time."""

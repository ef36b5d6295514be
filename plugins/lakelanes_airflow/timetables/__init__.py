"""When runs start, which partition each is for, and whose tasks go first."""

"""How people hear of what went wrong."""

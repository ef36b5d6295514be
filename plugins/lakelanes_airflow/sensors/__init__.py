"""The sensor that starts a load."""

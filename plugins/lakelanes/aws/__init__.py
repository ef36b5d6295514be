"""AWS as the engine uses it: clients, objects in S3, metrics."""

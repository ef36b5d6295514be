"""The local Athena: the service's API over an engine that reads the Glue catalogue and S3 through their public APIs."""

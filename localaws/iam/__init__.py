"""IAM as AWS enforces it, where ministack's evaluation (AUTH=true) misreads a request or leaves one out."""

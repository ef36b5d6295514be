"""The operators of the lake's DAGs. Each is one step of the engine."""

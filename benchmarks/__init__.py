"""Benchmarks of the converter and the engine against their peers: see docs/benchmarks.md."""

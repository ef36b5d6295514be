"""The Trino functions this engine has, each with Trino's argument types, result type and meaning."""

"""The ledger: what every lane knows of every source file, and the summaries of it."""

"""The local Athena beside a real Trino: both are asked the same, and what they answer is compared."""

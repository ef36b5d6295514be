"""Alerts: one message per cause, on the lake's SNS topic."""

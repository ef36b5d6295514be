"""DynamoDB Streams to Lambda: event source mappings and the pollers behind them, in place of ministack's."""

from __future__ import annotations

from localaws.streams.poller import StreamPoller

__all__ = ["StreamPoller"]

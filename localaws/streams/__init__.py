"""DynamoDB Streams to Lambda: event source mappings and the pollers behind them, in place of ministack's."""

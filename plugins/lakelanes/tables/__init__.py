"""DynamoDB tables in the lake: their changes, by export and by stream, and the current state made of them."""

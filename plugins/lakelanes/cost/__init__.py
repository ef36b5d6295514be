"""What the lake costs a month on AWS: requests, bytes and hours, by entity and by DynamoDB table."""

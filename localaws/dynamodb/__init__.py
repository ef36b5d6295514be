"""The local DynamoDB: ministack's, with point-in-time recovery, table exports, TTL and complete streams added."""

from __future__ import annotations

from localaws.dynamodb.service import DynamoDbService

__all__ = ["DynamoDbService"]

"""The local DynamoDB: ministack's, with point-in-time recovery, table exports, TTL and complete streams added."""

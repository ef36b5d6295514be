"""Tags of resources (https://docs.aws.amazon.com/quicksight/latest/APIReference/API_TagResource.html)."""

from __future__ import annotations

from localaws.protocol import AwsError, Request
from localaws.quicksight.store import Context, Record, Resource, Store

MOST_TAGS = 50


class Tags:
    """The operations on tags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, context: Context, request: Request) -> Record:
        """TagResource: a key that is there already gets the new value."""
        resource = self._find(context, request)
        tags = {each["Key"]: each["Value"] for each in (*resource.tags, *request["Tags"])}
        if len(tags) > MOST_TAGS:
            raise AwsError("LimitExceededException", f"{resource.arn} would have more than {MOST_TAGS} tags")
        resource.tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        return {}

    def remove(self, context: Context, request: Request) -> Record:
        """UntagResource."""
        resource = self._find(context, request)
        resource.tags = [each for each in resource.tags if each["Key"] not in request["TagKeys"]]
        return {}

    def every(self, context: Context, request: Request) -> Record:
        """ListTagsForResource."""
        return {"Tags": self._find(context, request).tags}

    def _find(self, context: Context, request: Request) -> Resource:
        found = self._store.by_arn(context.scope, request["ResourceArn"])
        if found is None:
            raise AwsError("ResourceNotFoundException", f"{request['ResourceArn']} is not found")
        return found

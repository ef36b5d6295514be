"""What the template's resources have in common: parameters, references, logical ids, tags, who may see them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from lakelanes.dashboards.quicksight import names

Properties = dict[str, Any]

ACCOUNT = {"Ref": "AWS::AccountId"}
PREFIX = "${Prefix}"
# Readers' rights: who has them looks, filters, and builds dashboards of their own on the data sets; what is deployed
# changes by deployments alone. https://docs.aws.amazon.com/quicksight/latest/developerguide/permissions.html
_VIEWING = {
    "DataSource": ("DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource"),
    "DataSet": (
        *("DescribeDataSet", "DescribeDataSetPermissions", "PassDataSet"),
        *("DescribeIngestion", "ListIngestions"),
    ),
    "Theme": ("DescribeTheme", "DescribeThemeAlias", "ListThemeAliases", "ListThemeVersions"),
    "Analysis": ("DescribeAnalysis", "QueryAnalysis"),
    "Dashboard": ("DescribeDashboard", "ListDashboardVersions", "QueryDashboard"),
}


def resource(kind: str, id_name: str, properties: Properties) -> Properties:
    """A resource of a kind such as 'DataSet', with its id, its tag, and who may see it. id_name: '' is the prefix."""
    identifier = {"Fn::Sub": names.resource_id(PREFIX, id_name)} if id_name else {"Ref": "Prefix"}
    actions = [f"quicksight:{action}" for action in _VIEWING[kind]]
    return {
        "Type": f"AWS::QuickSight::{kind}",
        "Properties": {
            "AwsAccountId": ACCOUNT,
            f"{kind}Id": identifier,
            **properties,
            "Permissions": [{"Principal": {"Ref": "PrincipalArn"}, "Actions": actions}],
            "Tags": [{"Key": "lake", "Value": {"Ref": "Prefix"}}],
        },
    }


def logical_id(kind: str, name: str) -> str:
    """The logical id of a resource, which has letters and digits alone: 'DataSetRevenueByDay' for 'revenue_by_day'."""
    words = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    # What does not come back from the words: 'a_1' and 'a1' would be the same.
    distinct = hashlib.sha256(name.encode()).hexdigest()[:6] if re.search(r"_(?![a-z])", name) else ""
    return f"{kind}{words}{distinct}"


def arn_of(logical: str) -> Properties:
    """The ARN of another resource of the template."""
    return {"Fn::GetAtt": [logical, "Arn"]}

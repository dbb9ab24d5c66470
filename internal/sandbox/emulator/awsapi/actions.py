"""Which IAM action a call of the API needs: mostly its own name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awsapi.requests import Call

# The name that a service signs with -> the prefix of its actions.
PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag", "email": "ses", "events": "events"}

# S3's calls and its actions have grown apart.
S3 = {
    "ListBuckets": "ListAllMyBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketIntelligent-TieringConfiguration": "GetIntelligentTieringConfiguration",
    "DeleteBucketPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketCors": "PutBucketCors",
    "HeadObject": "GetObject",
    "UploadPart": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListParts": "ListMultipartUploadParts",
}
# With ?versionId= these are judged as another action.
S3_OF_A_VERSION = {
    "GetObject": "GetObjectVersion",
    "DeleteObject": "DeleteObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "PutObjectAcl": "PutObjectVersionAcl",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
}
# The account's own settings, told by their path.
S3_ACCOUNT = "/v20180820/configuration/publicAccessBlock"

# Calls that hand a role to a service: action -> parameter -> service. The
# parameter is a role, or an instance profile (then its role is handed on).
PASSED = {
    "ec2:RunInstances": {"IamInstanceProfile.Arn": "ec2", "IamInstanceProfile.Name": "ec2"},
    "ec2:AssociateIamInstanceProfile": {"IamInstanceProfile.Arn": "ec2", "IamInstanceProfile.Name": "ec2"},
    "ec2:CreateFlowLogs": {"DeliverLogsPermissionArn": "vpc-flow-logs"},
    "iam:AddRoleToInstanceProfile": {"RoleName": "ec2"},
    "elasticmapreduce:RunJobFlow": {
        "ServiceRole": "elasticmapreduce",
        "JobFlowRole": "ec2",
        "AutoScalingRole": "application-autoscaling",
    },
    "cloudtrail:CreateTrail": {"CloudWatchLogsRoleArn": "cloudtrail"},
    "cloudtrail:UpdateTrail": {"CloudWatchLogsRoleArn": "cloudtrail"},
    "rds:CreateDBInstance": {"MonitoringRoleArn": "monitoring.rds"},
    "rds:ModifyDBInstance": {"MonitoringRoleArn": "monitoring.rds"},
}


def action_of(call: Call, query: Mapping[str, Any]) -> str:
    """The action of a call, such as s3:PutObject; service:Unknown when the
    call could not be told, which only a policy for everything allows."""
    if call.service != "s3":
        return f"{PREFIXES.get(call.service, call.service)}:{call.action or 'Unknown'}"
    if call.path == S3_ACCOUNT:
        verb = {"GET": "Get", "HEAD": "Get"}.get(call.method, "Put")
        return f"s3:{verb}AccountPublicAccessBlock"
    action = S3.get(call.action, call.action)
    if "versionId" in query:
        action = S3_OF_A_VERSION.get(action, action)
    return f"s3:{action}"

package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// form is the body of a query call.
func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// planRoleSweep tries what changes something, or reads what is nobody's
// business, in every service that the products use.
func planRoleSweep(t *testing.T, c *cloud) {
	account := "arn:aws:iam::" + cloudAccount + ":"
	attempts := []attempt{
		{action: "sts:AssumeRole", body: form("RoleArn", c.roleARN("apply"), "RoleSessionName", "up")},
		{action: "cloudtrail:StopLogging", target: "CloudTrail_20131101", body: `{"Name":"infra-cloud"}`},
		{action: "cloudtrail:DeleteTrail", target: "CloudTrail_20131101", body: `{"Name":"infra-cloud"}`},
		{action: "cloudwatch:PutMetricAlarm", body: form("AlarmName", "x")},
		{action: "cloudwatch:DeleteAlarms", body: form("AlarmNames.member.1", "x")},
		{action: "cloudwatch:DisableAlarmActions", body: form("AlarmNames.member.1", "x")},
		{action: "dynamodb:CreateTable", target: "DynamoDB_20120810", body: `{"TableName":"x"}`},
		{action: "elasticmapreduce:RunJobFlow", target: "ElasticMapReduce", body: `{"Name":"x"}`},
		{action: "elasticmapreduce:TerminateJobFlows", target: "ElasticMapReduce", body: `{"JobFlowIds":["j-1"]}`},
		{action: "elasticmapreduce:SetTerminationProtection", target: "ElasticMapReduce", body: `{"JobFlowIds":["j-1"],"TerminationProtected":false}`},
		{action: "kms:CreateKey", target: "TrentService", body: `{}`},
		{action: "kms:PutKeyPolicy", target: "TrentService", body: `{"KeyId":"alias/infra-cloud-data","PolicyName":"default","Policy":"{}"}`},
		{action: "kms:ScheduleKeyDeletion", target: "TrentService", body: `{"KeyId":"alias/infra-cloud-data"}`},
		{action: "kms:DisableKey", target: "TrentService", body: `{"KeyId":"alias/infra-cloud-backup"}`},
		{action: "kms:DeleteAlias", target: "TrentService", body: `{"AliasName":"alias/infra-state"}`},
		{action: "kms:CreateGrant", target: "TrentService", body: `{"KeyId":"alias/infra-state","GranteePrincipal":"arn:aws:iam::999988887777:root","Operations":["Decrypt"]}`},
		{action: "kms:Encrypt", target: "TrentService", body: `{"KeyId":"alias/infra-cloud-backup","Plaintext":"eA=="}`},
		{action: "logs:CreateLogGroup", target: "Logs_20140328", body: `{"logGroupName":"/x"}`},
		{action: "logs:DeleteLogGroup", target: "Logs_20140328", body: `{"logGroupName":"/infra/cloud/trail"}`},
		{action: "logs:PutRetentionPolicy", target: "Logs_20140328", body: `{"logGroupName":"/infra/cloud/hosts","retentionInDays":1}`},
		{action: "logs:GetLogEvents", target: "Logs_20140328", body: `{"logGroupName":"/infra/cloud/hosts","logStreamName":"x"}`},
		{action: "rds:CreateDBInstance", body: form("DBInstanceIdentifier", "x")},
		{action: "rds:ModifyDBInstance", body: form("DBInstanceIdentifier", "x", "PubliclyAccessible", "true")},
		{action: "rds:DeleteDBInstance", body: form("DBInstanceIdentifier", "x")},
		{action: "route53:ChangeResourceRecordSets", path: "/2013-04-01/hostedzone/Z1/rrset/", body: `<x/>`},
		{action: "route53:DeleteHostedZone", method: http.MethodDelete, path: "/2013-04-01/hostedzone/Z1"},
		{action: "secretsmanager:CreateSecret", target: "secretsmanager", body: `{"Name":"infra-cloud-x"}`},
		{action: "secretsmanager:PutSecretValue", target: "secretsmanager", body: `{"SecretId":"infra-cloud-x","SecretString":"x"}`},
		{action: "secretsmanager:DeleteSecret", target: "secretsmanager", body: `{"SecretId":"infra-cloud-x"}`},
		{action: "secretsmanager:GetSecretValue", target: "secretsmanager", body: `{"SecretId":"infra-cloud-eu-x"}`},
		{action: "sns:Subscribe", body: form("TopicArn", "arn:aws:sns:eu-west-1:"+cloudAccount+":infra-cloud-alert", "Protocol", "email")},
		{action: "sns:Publish", body: form("TopicArn", "arn:aws:sns:eu-west-1:"+cloudAccount+":infra-cloud-alert", "Message", "x")},
		{action: "sns:DeleteTopic", body: form("TopicArn", "arn:aws:sns:eu-west-1:"+cloudAccount+":infra-cloud-alert")},
		{action: "ssm:PutParameter", target: "AmazonSSM", body: `{"Name":"/infra/cloud/active","Value":"green","Type":"String"}`},
		{action: "ssm:DeleteParameter", target: "AmazonSSM", body: `{"Name":"/infra/cloud/active"}`},
		{action: "ssm:SendCommand", target: "AmazonSSM", body: `{"DocumentName":"AWS-RunShellScript"}`},
		{action: "ssm:GetParameter", target: "AmazonSSM", body: `{"Name":"/infra/cloud-eu/active"}`},
		{action: "tag:TagResources", target: "ResourceGroupsTaggingAPI_20170126", body: `{"ResourceARNList":["arn:aws:s3:::x"],"Tags":{"a":"b"}}`},
	}
	for action, body := range map[string]string{
		"RunInstances": form("ImageId", "ami-0deb1200000020251"), "TerminateInstances": form("InstanceId.1", "i-0123456789abcdef0"),
		"StopInstances": form("InstanceId.1", "i-0123456789abcdef0"), "ModifyInstanceAttribute": form("InstanceId", "i-0123456789abcdef0"),
		"CreateVpc": form("CidrBlock", "10.0.0.0/16"), "DeleteSubnet": form("SubnetId", "subnet-01234567"), "CreateSecurityGroup": form("GroupName", "x"),
		"AuthorizeSecurityGroupIngress": form("GroupId", "sg-01234567"), "RevokeSecurityGroupEgress": form("GroupId", "sg-01234567"),
		"CreateTags": form("ResourceId.1", "i-0123456789abcdef0", "Tag.1.Key", "fenced"), "DeleteTags": form("ResourceId.1", "i-0123456789abcdef0"),
		"CreateVolume": form("Size", "1"), "DeleteVolume": form("VolumeId", "vol-01234567"), "CreateSnapshot": form("VolumeId", "vol-01234567"),
		"ModifySnapshotAttribute": form("SnapshotId", "snap-01234567"), "AllocateAddress": "", "AssociateAddress": form("AllocationId", "eipalloc-01234567"),
		"ReplaceRoute": form("RouteTableId", "rtb-01234567"), "CreateKeyPair": form("KeyName", "x"),
	} {
		attempts = append(attempts, attempt{action: "ec2:" + action, body: body})
	}
	for action, body := range map[string]string{
		"CreateRole": form("RoleName", "infra-cloud-x", "AssumeRolePolicyDocument", everything, "PermissionsBoundary", account+"policy/infra-cloud-boundary"),
		"DeleteRole": form("RoleName", "infra-cloud-trail"), "PutRolePolicy": form("RoleName", "infra-cloud-plan", "PolicyName", "x", "PolicyDocument", everything),
		"AttachRolePolicy":                   form("RoleName", "infra-cloud-plan", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
		"UpdateAssumeRolePolicy":             form("RoleName", "infra-cloud-apply", "PolicyDocument", everything),
		"DeleteRolePermissionsBoundary":      form("RoleName", "infra-cloud-apply"),
		"CreatePolicyVersion":                form("PolicyArn", account+"policy/infra-cloud-boundary", "PolicyDocument", everything, "SetAsDefault", "true"),
		"CreateUser":                         form("UserName", "x"),
		"CreateAccessKey":                    form("UserName", "x"),
		"DeleteOpenIDConnectProvider":        form("OpenIDConnectProviderArn", account+"oidc-provider/token.actions.githubusercontent.com"),
		"AddClientIDToOpenIDConnectProvider": form("OpenIDConnectProviderArn", account+"oidc-provider/token.actions.githubusercontent.com", "ClientID", "x"),
	} {
		attempts = append(attempts, attempt{action: "iam:" + action, body: body})
	}
	c.denied(t, c.session(t, "plan"), append(attempts, stateAttempts(t, c, false)...))
}

// applyRoleSweep tries to get out of the boundary: the role's own, that of
// its hosts and that of another environment; and to rewrite what happened.
func applyRoleSweep(t *testing.T, c *cloud) {
	account := "arn:aws:iam::" + cloudAccount + ":"
	trail := `"arn:aws:cloudtrail:eu-west-1:` + cloudAccount + `:trail/infra-cloud"`
	keys := kms.NewFromConfig(c.config(t))
	data, err := keys.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/infra-cloud-data")})
	if err != nil {
		t.Fatal(err)
	}
	attempts := []attempt{
		{action: "sts:AssumeRole", body: form("RoleArn", c.roleARN("plan"), "RoleSessionName", "down")},
		{action: "iam:CreateUser", body: form("UserName", "x")},
		{action: "iam:CreateAccessKey", body: form("UserName", "x")},
		{action: "iam:CreateOpenIDConnectProvider", body: form("Url", "https://example.com")},
		{action: "iam:CreateRole", body: form("RoleName", "infra-cloud-x", "AssumeRolePolicyDocument", everything)},
		{action: "iam:CreateRole", body: form("RoleName", "infra-cloud-x", "AssumeRolePolicyDocument", everything, "PermissionsBoundary", account+"policy/infra-cloud-apply-boundary")},
		{action: "iam:CreateRole", body: form("RoleName", "infra-cloud-us-apply", "AssumeRolePolicyDocument", everything, "PermissionsBoundary", account+"policy/infra-cloud-boundary")},
		{action: "iam:CreatePolicy", body: form("PolicyName", "infra-cloud-us-boundary", "PolicyDocument", everything)},
		{action: "iam:PutRolePermissionsBoundary", body: form("RoleName", "infra-cloud-trail", "PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess")},
		{action: "cloudtrail:StopLogging", target: "CloudTrail_20131101", body: `{"Name":` + trail + `}`},
		{action: "cloudtrail:DeleteTrail", target: "CloudTrail_20131101", body: `{"Name":` + trail + `}`},
		{action: "cloudtrail:UpdateTrail", target: "CloudTrail_20131101", body: `{"Name":` + trail + `,"S3BucketName":"elsewhere"}`},
		{action: "cloudtrail:PutEventSelectors", target: "CloudTrail_20131101", body: `{"TrailName":` + trail + `,"EventSelectors":[]}`},
		{action: "logs:DeleteLogGroup", target: "Logs_20140328", body: `{"logGroupName":"/infra/cloud/trail"}`},
		{action: "kms:ScheduleKeyDeletion", target: "TrentService", body: `{"KeyId":"` + *data.KeyMetadata.Arn + `"}`},
		{action: "kms:DisableKey", target: "TrentService", body: `{"KeyId":"alias/infra-cloud-backup"}`},
		{action: "kms:PutKeyPolicy", target: "TrentService", body: `{"KeyId":"alias/infra-state","PolicyName":"default","Policy":"{}"}`},
		{action: "kms:CreateGrant", target: "TrentService", body: `{"KeyId":"alias/infra-state","GranteePrincipal":"arn:aws:iam::999988887777:root","Operations":["Decrypt"]}`},
		{action: "kms:DeleteAlias", target: "TrentService", body: `{"AliasName":"alias/infra-state"}`},
	}
	for _, role := range []string{"infra-cloud-apply", "infra-cloud-plan", "infra-cloud-eu-apply"} {
		attempts = append(attempts,
			attempt{action: "iam:DeleteRolePermissionsBoundary", body: form("RoleName", role)},
			attempt{action: "iam:PutRolePermissionsBoundary", body: form("RoleName", role, "PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess")},
			attempt{action: "iam:PutRolePermissionsBoundary", body: form("RoleName", role, "PermissionsBoundary", account+"policy/infra-cloud-boundary")},
			attempt{action: "iam:PutRolePolicy", body: form("RoleName", role, "PolicyName", "apply", "PolicyDocument", everything)},
			attempt{action: "iam:DeleteRolePolicy", body: form("RoleName", role, "PolicyName", "apply")},
			attempt{action: "iam:AttachRolePolicy", body: form("RoleName", role, "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")},
			attempt{action: "iam:UpdateAssumeRolePolicy", body: form("RoleName", role, "PolicyDocument", everything)},
			attempt{action: "iam:DeleteRole", body: form("RoleName", role)})
	}
	for _, role := range []string{"infra-cloud-trail", "infra-cloud-eu-zookeeper"} {
		attempts = append(attempts, attempt{action: "iam:DeleteRolePermissionsBoundary", body: form("RoleName", role)})
	}
	attempts = append(attempts,
		attempt{action: "iam:UpdateAssumeRolePolicy", body: form("RoleName", "infra-cloud-eu-zookeeper", "PolicyDocument", everything)},
		attempt{action: "iam:PutRolePolicy", body: form("RoleName", "infra-cloud-eu-zookeeper", "PolicyName", "x", "PolicyDocument", everything)},
		attempt{action: "iam:UntagRole", body: form("RoleName", "infra-cloud-eu-zookeeper", "TagKeys.member.1", "environment")},
		attempt{action: "iam:DeleteRole", body: form("RoleName", "infra-cloud-eu-zookeeper")})
	for _, policy := range []string{"infra-cloud-boundary", "infra-cloud-apply-boundary", "infra-cloud-eu-boundary"} {
		arn := account + "policy/" + policy
		attempts = append(attempts,
			attempt{action: "iam:CreatePolicyVersion", body: form("PolicyArn", arn, "PolicyDocument", everything, "SetAsDefault", "true")},
			attempt{action: "iam:SetDefaultPolicyVersion", body: form("PolicyArn", arn, "VersionId", "v1")},
			attempt{action: "iam:DeletePolicyVersion", body: form("PolicyArn", arn, "VersionId", "v1")},
			attempt{action: "iam:DeletePolicy", body: form("PolicyArn", arn)})
	}
	c.denied(t, c.session(t, "apply"), append(attempts, stateAttempts(t, c, true)...))
}

// stateAttempts are what nobody may do to the state bucket, and what only
// somebody who applies may.
func stateAttempts(t *testing.T, c *cloud, applies bool) []attempt {
	t.Helper()
	versions, err := c.s3(t).ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &c.bucket, Prefix: aws.String("baseline/cloud/terraform.tfstate")})
	if err != nil || len(versions.Versions) == 0 {
		t.Fatalf("no version of the state: %v", err)
	}
	bucket := "/" + c.bucket
	state, foreign, own := bucket+"/baseline/cloud/terraform.tfstate", bucket+"/pipeline/cloud-eu/terraform.tfstate", "/infra-logs-cloud-"+cloudAccount
	attempts := []attempt{
		{action: "s3:DeleteObject", method: http.MethodDelete, path: state},
		{action: "s3:DeleteObjectVersion", method: http.MethodDelete, path: state + "?versionId=" + *versions.Versions[0].VersionId},
		{action: "s3:DeleteObject", method: http.MethodDelete, path: bucket + "/leases/cloud.json"},
		{action: "s3:DeleteObject", method: http.MethodDelete, path: own + "/trail/x"},
		{action: "s3:PutObject", method: http.MethodPut, path: foreign, body: "{}"},
		{action: "s3:PutObject", method: http.MethodPut, path: foreign + ".tflock", body: "{}"},
		{action: "s3:GetObject", method: http.MethodGet, path: foreign},
		{action: "s3:PutBucketPolicy", method: http.MethodPut, path: bucket + "?policy", body: strings.ReplaceAll(everything, `"Effect"`, `"Principal":"*","Effect"`)},
		{action: "s3:DeleteBucketPolicy", method: http.MethodDelete, path: bucket + "?policy"},
		{action: "s3:PutBucketVersioning", method: http.MethodPut, path: bucket + "?versioning", body: "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"},
		{action: "s3:PutLifecycleConfiguration", method: http.MethodDelete, path: bucket + "?lifecycle"},
		{action: "s3:PutEncryptionConfiguration", method: http.MethodDelete, path: bucket + "?encryption"},
		{action: "s3:PutBucketPublicAccessBlock", method: http.MethodDelete, path: bucket + "?publicAccessBlock"},
		{action: "s3:DeleteBucket", method: http.MethodDelete, path: bucket},
		{action: "s3:CreateBucket", method: http.MethodPut, path: "/elsewhere"},
		{action: "s3:PutObject", method: http.MethodPut, path: bucket + "/pipeline/cloud/terraform.tfstate", body: "{}", header: map[string]string{"X-Amz-Copy-Source": foreign[1:]}},
	}
	if applies {
		attempts[len(attempts)-1].action = "s3:GetObject" // it may write its own state, but not with another's
		return attempts
	}
	return append(attempts,
		// A plan may be kept under a new name, and none be replaced.
		attempt{action: "s3:PutObject", method: http.MethodPut, path: bucket + "/bundles/cloud/x.bundle", body: "x"},
		attempt{action: "s3:PutObject", method: http.MethodPut, path: bucket + "/runs/cloud/x/plan.json", body: "{}"},
		attempt{action: "s3:PutObject", method: http.MethodPut, path: state, body: "{}"},
		attempt{action: "s3:PutObject", method: http.MethodPut, path: bucket + "/leases/cloud.json", body: "{}"},
		attempt{action: "s3:PutObject", method: http.MethodPut, path: bucket + "/runs/cloud/head.json", body: "{}"},
		attempt{action: "s3:PutObject", method: http.MethodPut, path: "/infra-backup-cloud-" + cloudAccount + "/x", body: "x"},
		attempt{action: "s3:GetObject", method: http.MethodGet, path: "/infra-backup-cloud-" + cloudAccount + "/x"},
		attempt{action: "s3:PutBucketPolicy", method: http.MethodPut, path: own + "?policy", body: everything})
}

package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// role makes a role and gives a session of it. Statements are the text of the
// list of one inline policy; boundary is a policy's ARN or "".
func role(t *testing.T, name, statements, boundary string) aws.Config {
	t.Helper()
	client := iam.NewFromConfig(config())
	input := &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::` + account + `:root"}}]}`)}
	if boundary != "" {
		input.PermissionsBoundary = &boundary
	}
	made := must[*iam.CreateRoleOutput](t)(client.CreateRole(t.Context(), input))
	must[*iam.PutRolePolicyOutput](t)(client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: &name, PolicyName: aws.String("own"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`),
	}))
	return session(t, *made.Role.Arn, "")
}

func session(t *testing.T, arn, policy string) aws.Config {
	t.Helper()
	input := &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("test")}
	if policy != "" {
		input.Policy = &policy
	}
	given := must[*sts.AssumeRoleOutput](t)(sts.NewFromConfig(config()).AssumeRole(t.Context(), input)).Credentials
	return configFor(*given.AccessKeyId, *given.SecretAccessKey, *given.SessionToken)
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

// TestBucketPolicyMayDenyDeletesOutsideLocks is the policy of a state bucket.
func TestBucketPolicyMayDenyDeletesOutsideLocks(t *testing.T) {
	const bucket = "deny-deletes"
	client := versioned(t, bucket)
	must[*s3.PutBucketPolicyOutput](t)(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: aws.String(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Deny","Principal":"*","Action":["s3:DeleteObject","s3:DeleteObjectVersion"],"NotResource":"arn:aws:s3:::` + bucket + `/*.tflock"}]}`)}))
	version := map[string]*string{}
	for _, key := range []string{"p/e/terraform.tfstate", "p/e/terraform.tfstate.tflock"} {
		put := must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("{}")}))
		version[key] = put.VersionId
	}
	for _, test := range []struct {
		key     string
		version bool
		want    string
	}{
		{"p/e/terraform.tfstate", false, "403 AccessDenied"},
		{"p/e/terraform.tfstate", true, "403 AccessDenied"},
		{"p/e/terraform.tfstate.tflock", false, "200 "},
		{"p/e/terraform.tfstate.tflock", true, "200 "},
	} {
		input := &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &test.key}
		if test.version {
			input.VersionId = version[test.key]
		}
		if _, err := client.DeleteObject(t.Context(), input); answer(err) != test.want {
			t.Errorf("delete %s (a version: %t): %s, want %s", test.key, test.version, answer(err), test.want)
		}
	}
	out := must[*s3.DeleteObjectsOutput](t)(client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &s3types.Delete{
		Objects: []s3types.ObjectIdentifier{{Key: aws.String("p/e/terraform.tfstate")}, {Key: aws.String("other.tflock")}},
	}}))
	if len(out.Errors) != 1 || *out.Errors[0].Key != "p/e/terraform.tfstate" || len(out.Deleted) != 1 {
		t.Errorf("many at once: refused %v, deleted %v", out.Errors, out.Deleted)
	}
}

// TestBucketsKnowTheirOwnerAndRegion: FAULTS row 24.
func TestBucketsKnowTheirOwnerAndRegion(t *testing.T) {
	const bucket = "known"
	client := newBucket(t, bucket)
	put := func(client *s3.Client, owner *string) string {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x"), ExpectedBucketOwner: owner})
		return answer(err)
	}
	if got := put(client, aws.String(account)); got != "200 " {
		t.Errorf("the expected owner: %s", got)
	}
	if got := put(client, aws.String("999988887777")); got != "403 AccessDenied" {
		t.Errorf("another owner: %s", got)
	}
	elsewhere := s3.NewFromConfig(config(), pathStyle, func(o *s3.Options) { o.Region = "us-east-1" })
	if got := put(elsewhere, nil); got != "301 PermanentRedirect" {
		t.Errorf("another region: %s", got)
	}
	if _, err := elsewhere.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: aws.String(bucket)}); err != nil {
		t.Errorf("where it is may be asked anywhere: %v", err)
	}
	stranger := s3.NewFromConfig(session(t, "arn:aws:iam::999988887777:role/nobody-made-it", ""), pathStyle)
	if got := put(stranger, nil); got != "403 AccessDenied" {
		t.Errorf("another account: %s", got)
	}
}

func TestRolesAreJudged(t *testing.T) {
	client := iam.NewFromConfig(config())
	boundary := must[*iam.CreatePolicyOutput](t)(client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName:     aws.String("limit"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:*","iam:*"],"Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::*:role/infra-*-apply"}]}`),
	})).Policy.Arn
	made := role(t, "builder", `{"Effect":"Allow","Action":["ec2:*","sns:*","s3:ListAllMyBuckets"],"Resource":"*"},
		{"Effect":"Allow","Action":"iam:CreateRole","Resource":"arn:aws:iam::*:role/infra-*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"`+*boundary+`"}}},
		{"Effect":"Allow","Action":["iam:PutRolePolicy","iam:DeleteRole"],"Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/infra-*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`, *boundary)
	identities, machines := iam.NewFromConfig(made), ec2.NewFromConfig(made)
	trust := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`)
	create := func(name string, boundary *string) string {
		_, err := identities.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust, PermissionsBoundary: boundary})
		return answer(err)
	}
	policy := func(name string) string {
		_, err := identities.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`)})
		return answer(err)
	}
	p := newPlace(t)
	launch := func(profile string) string {
		_, err := machines.RunInstances(t.Context(), &ec2.RunInstancesInput{
			ImageId: aws.String("ami-0deb1200000020251"), InstanceType: types.InstanceTypeT3Micro, SubnetId: &p.subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
			IamInstanceProfile: &types.IamInstanceProfileSpecification{Name: &profile},
		})
		return answer(err)
	}
	for _, name := range []string{"infra-test-apply", "foreign"} {
		must[*iam.CreateRoleOutput](t)(client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust}))
	}
	_, buckets := s3.NewFromConfig(made, pathStyle).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	_, keys := kms.NewFromConfig(made).CreateKey(t.Context(), &kms.CreateKeyInput{})
	for _, test := range []struct{ name, got, want string }{
		{"a role without a boundary", create("infra-test-host", nil), "403 AccessDenied"},
		{"a role within the boundary", create("infra-test-host", boundary), "200 "},
		{"a role of another name", create("other", boundary), "403 AccessDenied"},
		{"a policy of an own role", policy("infra-test-host"), "200 "},
		{"a policy that the boundary denies", policy("infra-test-apply"), "403 AccessDenied"},
		{"what the policy allows but not the boundary", answer(buckets), "403 AccessDenied"},
		{"what neither allows", answer(keys), "400 AccessDeniedException"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %s, want %s", test.name, test.got, test.want)
		}
	}
	for _, name := range []string{"infra-test-host", "foreign"} {
		must[*iam.CreateInstanceProfileOutput](t)(client.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String("of-" + name)}))
		must[*iam.AddRoleToInstanceProfileOutput](t)(client.AddRoleToInstanceProfile(t.Context(), &iam.AddRoleToInstanceProfileInput{InstanceProfileName: aws.String("of-" + name), RoleName: &name}))
	}
	// The boundary has no iam:PassRole exception: iam:* allows it.
	if got := launch("of-infra-test-host"); got != "200 " {
		t.Errorf("handing on an own role: %s", got)
	}
	if got := launch("of-foreign"); got != "403 UnauthorizedOperation" {
		t.Errorf("handing on another role: %s", got)
	}
	narrow := session(t, "arn:aws:iam::"+account+":role/builder", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}`)
	if _, err := ec2.NewFromConfig(narrow).CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.98.0.0/16")}); answer(err) != "403 UnauthorizedOperation" {
		t.Errorf("what the session's policy does not allow: %s", answer(err))
	}
}

// TestEncryptedObjectsNeedTheKey: S3 asks KMS in the caller's name.
func TestEncryptedObjectsNeedTheKey(t *testing.T) {
	const bucket = "encrypted"
	operator := versioned(t, bucket)
	keys := kms.NewFromConfig(config())
	key := must[*kms.CreateKeyOutput](t)(keys.CreateKey(t.Context(), &kms.CreateKeyInput{})).KeyMetadata
	must[*kms.CreateAliasOutput](t)(keys.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/encrypted"), TargetKeyId: key.KeyId}))
	must[*s3.PutBucketEncryptionOutput](t)(operator.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: aws.String(bucket), ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: key.Arn},
		}}},
	}))
	objects := `{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::` + bucket + `/*"}`
	byAlias := func(actions string) string {
		return `,{"Effect":"Allow","Action":[` + actions + `],"Resource":"*","Condition":{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/encrypted"}}}`
	}
	for name, test := range map[string]struct{ statements, put, get string }{
		"no-key":    {objects, "403 AccessDenied", "403 AccessDenied"},
		"reader":    {objects + byAlias(`"kms:Decrypt"`), "403 AccessDenied", "200 "},
		"writer":    {objects + byAlias(`"kms:GenerateDataKey*"`), "200 ", "403 AccessDenied"},
		"other-key": {objects + strings.ReplaceAll(byAlias(`"kms:*"`), "alias/encrypted", "alias/another"), "403 AccessDenied", "403 AccessDenied"},
	} {
		must[*s3.PutObjectOutput](t)(operator.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x")}))
		client := s3.NewFromConfig(role(t, "keys-"+name, test.statements, ""), pathStyle)
		_, put := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x")})
		_, get := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
		if answer(put) != test.put || answer(get) != test.get {
			t.Errorf("%s: put %s, get %s, want %s and %s", name, answer(put), answer(get), test.put, test.get)
		}
	}
}

// TestTokensAreJudgedByTheTrust: what a pipeline's token says decides.
func TestTokensAreJudgedByTheTrust(t *testing.T) {
	client := iam.NewFromConfig(config())
	const issuer = "token.actions.githubusercontent.com"
	provider := must[*iam.CreateOpenIDConnectProviderOutput](t)(client.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://" + issuer), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{strings.Repeat("a", 40)},
	}))
	made := must[*iam.CreateRoleOutput](t)(client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("pipeline"), AssumeRolePolicyDocument: aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":%q},"Condition":{"StringEquals":{"%s:aud":"sts.amazonaws.com","%s:sub":"repo:a/b:ref:refs/heads/main"}}}]}`,
		*provider.OpenIDConnectProviderArn, issuer, issuer))}))
	assume := func(iss, aud, sub string) string {
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iss":"https://%s","aud":%q,"sub":%q}`, iss, aud, sub))
		_, err := sts.NewFromConfig(config()).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: made.Role.Arn, RoleSessionName: aws.String("ci"), WebIdentityToken: aws.String("e30." + claims + ".c2ln"),
		})
		return answer(err)
	}
	tests := [][4]string{
		{issuer, "sts.amazonaws.com", "repo:a/b:ref:refs/heads/main", "200 "},
		{issuer, "sts.amazonaws.com", "repo:a/b:ref:refs/heads/other", "403 AccessDenied"},
		{issuer, "sts.amazonaws.com", "repo:a/bc:ref:refs/heads/main", "403 AccessDenied"},
		{issuer, "else", "repo:a/b:ref:refs/heads/main", "403 AccessDenied"},
		{"example.com", "sts.amazonaws.com", "repo:a/b:ref:refs/heads/main", "403 AccessDenied"},
	}
	for test := range slices.Values(tests) {
		if got := assume(test[0], test[1], test[2]); got != test[3] {
			t.Errorf("%v: %s", test, got)
		}
	}
}

// Hosts publish by the query protocol; the Go SDK has gone on to another one.
func TestMetricsAreBoundByTheirNamespace(t *testing.T) {
	made := role(t, "publisher", `{"Effect":"Allow","Action":"cloudwatch:PutMetricData","Resource":"*","Condition":{"StringLike":{"cloudwatch:namespace":["CWAgent","Infra/*"]}}}`, "")
	given := must[aws.Credentials](t)(made.Credentials.Retrieve(t.Context()))
	for namespace, want := range map[string]int{"Infra/PostgreSQL": http.StatusOK, "Other": http.StatusForbidden} {
		body := "Action=PutMetricData&Version=2010-08-01&MetricData.member.1.MetricName=writable&MetricData.member.1.Value=1&Namespace=" + url.QueryEscape(namespace)
		request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, *made.BaseEndpoint, strings.NewReader(body)))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		sum := sha256.Sum256([]byte(body))
		if err := v4.NewSigner().SignHTTP(t.Context(), given, request, hex.EncodeToString(sum[:]), "monitoring", region, time.Now()); err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode != want {
			t.Errorf("namespace %s: %d, want %d", namespace, response.StatusCode, want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"infra/internal/sandbox/emulator"
)

// TestRoles builds baseline as an administrator, then works as the two roles
// that it made, in an emulator that judges roles as AWS does.
func TestRoles(t *testing.T) {
	t.Parallel()
	c := newCloud(t, func(o *emulator.Options) { o.EnforceRoles = true })
	c.assume(t, "", "")
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
	otherEnvironment(t, c)
	t.Run("only the pipeline's own tokens are trusted", func(t *testing.T) { pipelineTokens(t, c) })
	t.Run("the plan role plans", func(t *testing.T) { planAsRole(t, c) })
	t.Run("the plan role can change nothing", func(t *testing.T) { planRoleSweep(t, c) })
	t.Run("the plan role may tell the topic that the settings name", func(t *testing.T) { tellAsPlanRole(t, c) })
	t.Run("a pipeline plans and applies by the roles, and not what the plan role has forged", func(t *testing.T) { pipelineAsRoles(t, c) })
	t.Run("the apply role stays bounded", func(t *testing.T) { boundedRole(t, c) })
	t.Run("the apply role cannot remove its limits", func(t *testing.T) { applyRoleSweep(t, c) })
}

// assume makes the environment work as one of its roles, "" for none, with an
// addition to the settings of baseline.
func (c *cloud) assume(t *testing.T, role, baseline string) {
	t.Helper()
	text := "extends: sandbox\nendpoint: " + c.endpoint + "\n"
	if role != "" {
		text += "role:\n  arn: " + c.roleARN(role) + "\n"
	}
	c.write(t, "environments/cloud.yaml", text+"products:\n  baseline:\n    ci: {provider: github, repository: example/platform, branch: main}\n"+
		baseline+"  pipeline:\n    vpc:\n      cidr: 10.78.0.0/16\n")
}

func (c *cloud) roleARN(role string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/infra-cloud-%s", cloudAccount, role)
}

// session is a session of one of the environment's roles.
func (c *cloud) session(t *testing.T, role string) aws.CredentialsProvider {
	t.Helper()
	out, err := sts.NewFromConfig(c.config(t)).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(c.roleARN(role)), RoleSessionName: aws.String("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
}

// otherEnvironment puts another environment beside this one whose name begins
// with this one's, as prod-eu does with prod.
func otherEnvironment(t *testing.T, c *cloud) {
	t.Helper()
	client := iam.NewFromConfig(c.config(t))
	tags := []iamtypes.Tag{{Key: aws.String("environment"), Value: aws.String("cloud-eu")}}
	trust := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`)
	boundary, err := client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String("infra-cloud-eu-boundary"), Tags: tags,
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"infra-cloud-eu-apply", "infra-cloud-eu-zookeeper"} {
		_, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: trust, Tags: tags, PermissionsBoundary: boundary.Policy.Arn})
		if err != nil {
			t.Fatal(err)
		}
	}
	key := "pipeline/cloud-eu/terraform.tfstate"
	if _, err := c.s3(t).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &c.bucket, Key: &key, Body: strings.NewReader("{}")}); err != nil {
		t.Fatal(err)
	}
}

func pipelineTokens(t *testing.T, c *cloud) {
	const issuer, audience = "token.actions.githubusercontent.com", "sts.amazonaws.com"
	client := sts.NewFromConfig(c.config(t))
	for _, test := range []struct {
		role, audience, subject string
		trusted                 bool
	}{
		{"plan", audience, "repo:example/platform:pull_request", true},
		{"plan", audience, "repo:example/platform:ref:refs/heads/main", true},
		{"plan", audience, "repo:example/platform:ref:refs/heads/other", false},
		{"plan", audience, "repo:example/platform-fork:pull_request", false},
		{"plan", "https://example.com", "repo:example/platform:pull_request", false},
		{"apply", audience, "repo:example/platform:ref:refs/heads/main", true},
		{"apply", audience, "repo:example/platform:pull_request", false},
		{"apply", audience, "repo:example/platform:ref:refs/heads/main2", false},
		{"apply", "else", "repo:example/platform:ref:refs/heads/main", false},
	} {
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iss":"https://%s","aud":%q,"sub":%q}`, issuer, test.audience, test.subject))
		_, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(c.roleARN(test.role)), RoleSessionName: aws.String("ci"), WebIdentityToken: aws.String("e30." + claims + ".c2ln"),
		})
		if (err == nil) != test.trusted {
			t.Errorf("%s by %s for %s: %v", test.role, test.subject, test.audience, err)
		}
	}
}

func planAsRole(t *testing.T, c *cloud) {
	c.assume(t, "plan", "")
	before := c.changesOf(t, 0)
	c.run(t, 0, "plan", "cloud", "--product", "baseline")
	c.run(t, 2, "plan", "cloud", "--out", "s3")
	c.onlyPlanned(t, before.last)
	// An apply ends before it has changed anything.
	at := c.changesOf(t, 0).last
	c.assume(t, "plan", "    alert_emails: [ops@example.com]\n")
	_, stderr := c.run(t, 3, "apply", "cloud", "--product", "baseline", "--auto-approve")
	if !strings.Contains(stderr, "leases/cloud.json") || !strings.Contains(stderr, "AccessDenied") {
		t.Errorf("the refusal is not explained:\n%s", stderr)
	}
	c.onlyPlanned(t, at)
}

// onlyPlanned wants that since a request nothing was done but what a plan does:
// it locks states, and keeps plans.
func (c *cloud) onlyPlanned(t *testing.T, since uint64) {
	t.Helper()
	allowed := regexp.MustCompile(fmt.Sprintf(`^s3 (PUT|DELETE) /%[1]s/(\w+/cloud/[\w.]+\.tflock|runs/cloud/[^/]+/plan\.json|bundles/cloud/[^/]+)$`, c.bucket))
	for _, change := range c.changesOf(t, since).made {
		if !allowed.MatchString(change) {
			t.Errorf("a plan has done %s", change)
		}
	}
}

// boundedRole looks at the apply role after it has applied.
func boundedRole(t *testing.T, c *cloud) {
	out, err := iam.NewFromConfig(c.config(t)).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("infra-cloud-apply")})
	if err != nil {
		t.Fatal(err)
	}
	if bound := out.Role.PermissionsBoundary; bound == nil || !strings.HasSuffix(aws.ToString(bound.PermissionsBoundaryArn), ":policy/infra-cloud-apply-boundary") {
		t.Errorf("the apply role is bounded by %+v", bound)
	}
	c.run(t, 0, "plan", "cloud", "--product", "baseline")
}

// changes is what the emulator has been asked to change, successfully.
type changes struct {
	last uint64
	made []string // service, method and path, or the action
}

// changesOf lists what was changed after a request of the emulator's log.
func (c *cloud) changesOf(t *testing.T, since uint64) changes {
	t.Helper()
	log, err := c.emulator.Requests(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	found := changes{last: log.Last}
	for _, r := range log.Requests {
		switch {
		case !r.Mutating || r.Status >= http.StatusMultipleChoices || r.Service == "sts":
		case r.Service == "s3":
			found.made = append(found.made, fmt.Sprintf("s3 %s %s", r.Method, r.Path))
		default:
			found.made = append(found.made, r.Service+" "+r.Action)
		}
	}
	return found
}

// attempt is one call of the API, and the action that it needs.
type attempt struct {
	action string            // as policies name it, such as ec2:TerminateInstances
	method string            // POST when empty
	path   string            // "/" when empty; may end in ?query
	target string            // X-Amz-Target of the JSON protocol; else parameters are a form
	body   string            // JSON, XML or a form without Action
	header map[string]string // more headers
}

// signedFor are the names that services sign with where they are not the
// prefix of their actions.
func signedFor(prefix string) string {
	if name, ok := map[string]string{"cloudwatch": "monitoring", "tag": "tagging"}[prefix]; ok {
		return name
	}
	return prefix
}

// do makes the attempt and returns the status and the body of the answer.
func (a attempt) do(t *testing.T, c *cloud, who aws.CredentialsProvider) (int, string) {
	t.Helper()
	prefix, name, _ := strings.Cut(a.action, ":")
	method, path, body := a.method, a.path, a.body
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/"
	}
	kind := "application/x-www-form-urlencoded"
	switch {
	case a.target != "":
		kind = "application/x-amz-json-1.1"
	case a.path != "":
		kind = "application/xml"
	default:
		body = "Action=" + name + "&" + body
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	for name, value := range a.header {
		request.Header.Set(name, value)
	}
	if a.target != "" {
		request.Header.Set("X-Amz-Target", a.target+"."+name)
	}
	credentials, err := who.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, "UNSIGNED-PAYLOAD", signedFor(prefix), "eu-west-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// denied wants every attempt refused for the action that it names, and
// nothing changed by them.
func (c *cloud) denied(t *testing.T, who aws.CredentialsProvider, attempts []attempt) {
	t.Helper()
	before := c.changesOf(t, 0).last
	for _, a := range attempts {
		status, text := a.do(t, c, who)
		if status < 400 || !strings.Contains(text, "is not authorized to perform: "+a.action+" ") {
			t.Errorf("%s %s: %d %.300s", a.action, a.path+a.body, status, text)
		}
	}
	if made := c.changesOf(t, before).made; len(made) > 0 {
		t.Errorf("changed nevertheless: %v", made)
	}
}

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"infra/internal/account"
	"infra/internal/python"
)

// What Ansible's modules are built on works as the environment's role, with
// credentials that infra hands on and that neither stand in the environment
// nor in a file.
func TestRow25AnsibleWorksAsTheRole(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::%s:root"}}]}`, cloudAccount)
	role, err := iam.NewFromConfig(c.config(t)).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("operator"), AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	target := account.Target{Region: "eu-west-1", Endpoint: c.endpoint, RoleARN: aws.ToString(role.Role.Arn), Session: "infra-cloud"}
	cfg, err := account.Config(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	endpoint, err := account.Serve(t.Context(), cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	env := account.Environment(target)
	endpoint.Environment(env)
	bin, err := python.Ensure(t.Context(), filepath.Join("..", ".."), "ansible", func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "python3"), "-c", `
import botocore.session
print(botocore.session.Session().create_client("sts").get_caller_identity()["Arn"])`)
	cmd.Env = account.Pairs(env)
	out, err := cmd.CombinedOutput()
	if want := ":assumed-role/operator/infra-cloud\n"; err != nil || !strings.HasSuffix(string(out), want) {
		t.Errorf("boto is %s, %v; want %s", out, err, want)
	}
	session, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range env {
		if strings.Contains(value, session.SecretAccessKey) || strings.Contains(value, session.SessionToken) {
			t.Errorf("%s holds a secret", name)
		}
	}
	if err := endpoint.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

//go:build endtoend

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/environment"
)

// noSecretLeaks searches every artefact of a whole run for the passwords that
// the platform really has and for secrets of the caller: what is said, files,
// objects in S3, arguments and environments of Terraform, Ansible and ssh.
func noSecretLeaks(t *testing.T, p *platform) {
	env, err := environment.Load(p.project, "e2e")
	if err != nil {
		t.Fatal(err)
	}
	l := &leaks{project: p.project, secrets: map[string]string{
		"the caller's key": "Sentinel1q7Zk0vB3xW", "a variable of the caller": "Sentinel2q7Zk0vB3xW", "a Terraform variable of the caller": "Sentinel3q7Zk0vB3xW",
	}}
	p.passwords(t, l)

	watching, stop := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	watcher.Go(func() { l.watch(watching) })
	for _, args := range [][]string{
		{"apply", "e2e", "--auto-approve", "--verbose"},
		{"configure", "e2e", "--verbose"},
		{"status", "e2e"},
		{"output", "e2e"},
		{"hosts", "e2e", "--output", "json"},
		{"inventory", "e2e", "--list"},
		{"runs", "e2e", "--output", "json"},
	} {
		p.caller(t, l, args...)
	}
	stop()
	watcher.Wait()
	l.files(t)
	client := s3.NewFromConfig(aws.Config{
		Region: env.Region(), BaseEndpoint: aws.String(p.endpoint), Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	}, func(o *s3.Options) { o.UsePathStyle = true })
	if n := l.objects(t, client, env.StateBucket()); n == 0 {
		t.Error("no object of the ledger was searched")
	}
	t.Logf("%d processes were looked at", l.seen)
	l.report(t)
}

// caller is infra as somebody calls it whose environment is full of secrets.
func (p *platform) caller(t *testing.T, l *leaks, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.infra, append([]string{"-C", p.project}, args...)...)
	cmd.Env = append(cmd.Environ(), callersOwn, "AWS_SECRET_ACCESS_KEY="+l.secrets["the caller's key"],
		"DATABASE_PASSWORD="+l.secrets["a variable of the caller"], "TF_VAR_planted="+l.secrets["a Terraform variable of the caller"])
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil {
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		t.Fatalf("infra %s: %v\n%s", strings.Join(args, " "), err, tail(errw.String()))
	}
	l.look("standard output of "+args[0], out.Bytes())
	l.look("standard error of "+args[0], errw.Bytes())
}

// passwords are those that Secrets Manager has made for the databases.
func (p *platform) passwords(t *testing.T, l *leaks) {
	t.Helper()
	c := &cloud{endpoint: p.endpoint}
	var list struct{ SecretList []struct{ Name string } }
	c.ask(t, "secretsmanager", "secretsmanager.ListSecrets", "{}", &list)
	for _, secret := range list.SecretList {
		var value struct{ SecretString string }
		c.ask(t, "secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"`+secret.Name+`"}`, &value)
		var parts map[string]any
		if json.Unmarshal([]byte(value.SecretString), &parts) != nil {
			parts = map[string]any{"password": value.SecretString}
		}
		if password, ok := parts["password"].(string); ok && len(password) > 7 {
			l.secrets["the password "+secret.Name] = password
		}
	}
	if len(l.secrets) < 5 {
		t.Fatalf("the platform has no passwords: %d", len(l.secrets))
	}
}

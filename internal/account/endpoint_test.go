package account

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"infra/internal/python"
)

// boto asks, with what Ansible's modules and lookups use, who it is: four
// times, while role sessions come and go.
const boto = `
import time, botocore.session
sts = botocore.session.Session().create_client("sts")
for _ in range(4):
    print(sts.get_caller_identity()["Arn"].split("/")[-1], flush=True)
    time.sleep(1.2)
`

// playing is the environment of a program that runs for a long time.
func playing(t *testing.T, cfg aws.Config) (*Endpoint, map[string]string) {
	t.Helper()
	e, err := Serve(t.Context(), cfg, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env := Environment(role())
	e.Environment(env)
	return e, env
}

func TestRow25BotoNeverRunsOut(t *testing.T) {
	bin, err := python.Ensure(t.Context(), filepath.Join("..", ".."), "ansible", func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	// What the caller has must not be what Ansible works as.
	home := t.TempDir()
	caller(t, map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s", "AWS_PROFILE": "mine", "HOME": home,
		"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, ".aws", "credentials"),
	})
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	profiles := "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = s\n"
	if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newAmazon(t)
	a.life = roleMargin + 2*time.Second // to be replaced after two seconds
	cfg, err := Config(t.Context(), role())
	if err != nil {
		t.Fatal(err)
	}
	e, env := playing(t, cfg)
	run := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "python3"), "-c", boto)
		cmd.Env = Pairs(env)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			err = errors.New(said.String())
		}
		return string(out), err
	}
	out, err := run()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(out)
	if len(names) != 4 || names[3] == names[0] {
		t.Errorf("boto was %q", names)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, "ASIASESSION") {
			t.Errorf("boto was %s, not the role", name)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if out, err := run(); err == nil || out != "" {
		t.Errorf("after the end boto still was %q", out)
	}
}

// The program that tunnels SSH and Terraform use Go's SDK or boto's relatives.
func TestEndpointServesGoToo(t *testing.T) {
	caller(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s"})
	newAmazon(t)
	cfg, err := Config(t.Context(), role())
	if err != nil {
		t.Fatal(err)
	}
	e, env := playing(t, cfg)
	caller(t, env)
	mine, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := sts.NewFromConfig(mine).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || !strings.HasSuffix(aws.ToString(out.Arn), "/ASIASESSION1") {
		t.Errorf("Go was %+v, %v", out, err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestEndpointIsForNobodyElse(t *testing.T) {
	caller(t, map[string]string{"AWS_SESSION_TOKEN": "t", "AWS_WEB_IDENTITY_TOKEN_FILE": "/x", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/y"})
	cfg := aws.Config{Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
	})}
	e, env := playing(t, cfg)
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"} {
		if value, ok := env[name]; ok {
			t.Errorf("%s is %q", name, value)
		}
	}
	file, address := env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the token's file has mode %v, %v", info.Mode(), err)
	}
	if !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Errorf("it listens at %s", address)
	}
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, token string
		want          int
	}{
		{"GET", string(token), 200}, {"GET", "", 403}, {"GET", string(token) + "x", 403}, {"GET", string(token[:10]), 403}, {"POST", string(token), 403},
	} {
		status, body := get(t, c.method, address, c.token)
		if status != c.want || (status != 200 && body["AccessKeyId"] != "") {
			t.Errorf("%s with token %q: %d %v", c.method, c.token, status, body)
		}
	}
	_, body := get(t, "GET", address, string(token))
	if end, err := time.Parse(time.RFC3339, body["Expiration"]); err != nil || end.Before(time.Now()) || body["AccessKeyId"] != "a" || body["SecretAccessKey"] != "b" {
		t.Errorf("it says %v, %v", body, err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the token's file is left")
	}
}

// An SDK that asks at the last moment before a session is replaced must have
// time to use it.
func TestRow25EndpointTellsTheTrueEnd(t *testing.T) {
	caller(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s"})
	a := newAmazon(t)
	a.life = roleMargin + time.Minute
	cfg, err := Config(t.Context(), role())
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().Truncate(time.Second)
	e, env := playing(t, cfg)
	token, err := os.ReadFile(env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	_, body := get(t, "GET", env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], string(token))
	if end, err := time.Parse(time.RFC3339, body["Expiration"]); err != nil || end.Before(before.Add(a.life)) || end.After(time.Now().Add(a.life)) {
		t.Errorf("a session of %s that began after %s ends at %s, %v", a.life, before, body["Expiration"], err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestEndpointWithoutCredentials(t *testing.T) {
	cfg := aws.Config{Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("api error AccessDenied: no such role")
	})}
	e, env := playing(t, cfg)
	token, err := os.ReadFile(env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, "GET", env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], string(token)); status != 503 || body["message"] != "api error AccessDenied: no such role" {
		t.Errorf("%d %v", status, body)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Serve(t.Context(), cfg, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a token without a place")
	}
}

func get(t *testing.T, method, address, token string) (int, map[string]string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	var body map[string]string
	if err := json.Unmarshal(data, &body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

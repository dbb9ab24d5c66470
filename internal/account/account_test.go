package account

import (
	"strings"
	"testing"
)

// FAULTS: TF_CLI_ARGS*, TF_VAR_* and ANSIBLE_* of the caller must not change
// what a child does.
func TestChildrenGetAnAllowList(t *testing.T) {
	for _, name := range []string{"TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_WORKSPACE", "TF_VAR_region", "ANSIBLE_CONFIG", "ANSIBLE_HOST_KEY_CHECKING", "LD_PRELOAD", "SECRET_TOKEN"} {
		t.Setenv(name, "x")
	}
	t.Setenv("AWS_PROFILE", "mine")
	t.Setenv("SSH_AUTH_SOCK", "/agent")
	env := Environment(Target{Region: "eu-west-1"})
	for name := range env {
		if strings.HasPrefix(name, "TF_") || strings.HasPrefix(name, "ANSIBLE_") || name == "LD_PRELOAD" || name == "SECRET_TOKEN" {
			t.Errorf("%s was handed on", name)
		}
	}
	for name, want := range map[string]string{"AWS_PROFILE": "mine", "SSH_AUTH_SOCK": "/agent", "AWS_REGION": "eu-west-1"} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
}

// The caller's own credentials must never reach an emulator.
func TestAnEmulatorGetsNoCredentialsOfTheCaller(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
	t.Setenv("AWS_SESSION_TOKEN", "real")
	t.Setenv("AWS_CA_BUNDLE", "/ca.pem")
	target := Target{Region: "eu-west-1", Endpoint: "http://127.0.0.1:9"}
	env := Environment(target)
	if env["AWS_ACCESS_KEY_ID"] != emulatorKey || env["AWS_SESSION_TOKEN"] != "" || env["AWS_CA_BUNDLE"] != "" || env["AWS_ENDPOINT_URL"] != target.Endpoint {
		t.Errorf("environment is %v", env)
	}
	t.Setenv("AWS_CA_BUNDLE", "")
	cfg, err := Config(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	got, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != emulatorKey {
		t.Errorf("credentials are %v, %v", got.AccessKeyID, err)
	}
}

func TestPairs(t *testing.T) {
	if got := Pairs(map[string]string{"A": "b=c"}); len(got) != 1 || got[0] != "A=b=c" {
		t.Errorf("pairs are %q", got)
	}
}

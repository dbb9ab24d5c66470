package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"infra/internal/console"
	"infra/internal/fault"
)

// noCredentials takes away what a pipeline would say of credentials.
func noCredentials(t *testing.T) {
	t.Helper()
	for _, name := range []string{tokenFile, tokenRole, accessKey, "GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		t.Setenv(name, "")
	}
}

func quiet() *globals {
	return &globals{con: console.New(strings.NewReader(""), io.Discard, io.Discard, console.Options{})}
}

// TestAssume takes the environment's own role where a pipeline has a token and
// nothing else, and leaves a role or a key that it was given.
func TestAssume(t *testing.T) {
	for name, c := range map[string]struct{ environment, token, role, key, during string }{
		"no token":             {"prod", "", "", "", ""},
		"a token":              {"prod", "/token", "", "", "arn:aws:iam::111111111111:role/infra-prod-plan"},
		"a token and its role": {"prod", "/token", "arn:mine", "", "arn:mine"},
		"a token and a key":    {"prod", "/token", "", "AKIA", ""},
		"an emulator":          {"sandbox", "/token", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			noCredentials(t)
			t.Setenv(tokenFile, c.token)
			t.Setenv(tokenRole, c.role)
			t.Setenv(accessKey, c.key)
			restore, err := assume(t.Context(), quiet(), "../..", c.environment, "plan")
			if err != nil {
				t.Fatal(err)
			}
			if got := os.Getenv(tokenRole); got != c.during {
				t.Errorf("the role is %q, want %q", got, c.during)
			}
			restore()
			if got := os.Getenv(tokenRole); got != c.role {
				t.Errorf("afterwards the role is %q, want %q", got, c.role)
			}
		})
	}
}

// TestAssumeByGitHub asks for a token as a job of GitHub does, and wants it in
// a file of the owner's while it is needed, and nowhere else.
func TestAssumeByGitHub(t *testing.T) {
	answer := `{"value":"t0k3n"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "bearer b34r3r" || r.URL.RawQuery != "api-version=2&audience=sts.amazonaws.com" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	noCredentials(t)
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", server.URL+"/?api-version=2")
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "b34r3r")
	var said bytes.Buffer
	g := &globals{con: console.New(strings.NewReader(""), io.Discard, &said, console.Options{})}
	restore, err := assume(t.Context(), g, "../..", "prod", "plan")
	if err != nil {
		t.Fatal(err)
	}
	file := os.Getenv(tokenFile)
	token, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	if err != nil || statErr != nil || string(token) != "t0k3n" || info.Mode().Perm() != 0o600 || os.Getenv(tokenRole) != "arn:aws:iam::111111111111:role/infra-prod-plan" {
		t.Errorf("%q, %v, %v, role %q", token, err, info, os.Getenv(tokenRole))
	}
	if shown := g.con.Shown(fmt.Sprintf("it is %s", token)); strings.Contains(shown, "t0k3n") {
		t.Errorf("it would be shown: %s", shown)
	}
	restore()
	if _, err := os.Stat(file); !os.IsNotExist(err) || os.Getenv(tokenFile) != "" || os.Getenv(tokenRole) != "" {
		t.Errorf("something is left: %v, %q, %q", err, os.Getenv(tokenFile), os.Getenv(tokenRole))
	}

	for name, bad := range map[string]string{"no token": `{}`, "no JSON": `<html>`} {
		answer = bad
		if _, err := assume(t.Context(), g, "../..", "prod", "plan"); fault.CodeOf(err) != fault.Failed || !strings.Contains(fault.HintOf(err), "id-token: write") {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "else")
	if _, err := assume(t.Context(), g, "../..", "prod", "plan"); err == nil || !strings.Contains(err.Error(), "HTTP 403") || strings.Contains(err.Error(), "else") {
		t.Errorf("not allowed: %v", err)
	}
}

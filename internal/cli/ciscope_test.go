package cli

import (
	"os"
	"testing"
)

// TestAssume takes the environment's own role where a pipeline has a token and
// nothing else, and leaves a role that it was given.
func TestAssume(t *testing.T) {
	s := &scope{dir: "../.."}
	for name, c := range map[string]struct{ token, role, during string }{
		"no token":             {"", "", ""},
		"a token":              {"/token", "", "arn:aws:iam::111111111111:role/infra-prod-plan"},
		"a token and its role": {"/token", "arn:mine", "arn:mine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", c.token)
			t.Setenv("AWS_ROLE_ARN", c.role)
			restore, err := s.assume("prod", "plan")
			if err != nil {
				t.Fatal(err)
			}
			if got := os.Getenv("AWS_ROLE_ARN"); got != c.during {
				t.Errorf("the role is %q, want %q", got, c.during)
			}
			restore()
			if got := os.Getenv("AWS_ROLE_ARN"); got != c.role {
				t.Errorf("afterwards the role is %q, want %q", got, c.role)
			}
		})
	}
}

package survey

import (
	"errors"
	"testing"

	"github.com/aws/smithy-go"

	"infra/internal/audit"
)

// What is another environment's is left out; what is nobody's is not.
func TestConcerns(t *testing.T) {
	t.Parallel()
	mine := audit.Thing{Type: "aws_iam_role", ID: "infra-prod-eu-in-the-state"}
	s := &surveyor{Scope: Scope{Environment: "prod", Others: []string{"prod-eu", "staging"}, Managed: map[string]audit.Managed{mine.Key(): {Address: "aws_iam_role.this"}}}}
	for _, c := range []struct {
		id, tag       string
		concerns, own bool
	}{
		{mine.ID, "prod-eu", true, true},
		{"infra-prod-apply", "", true, true},
		{"infra-prod-eu-apply", "", false, false},
		{"infra-prod-eu-apply", "prod", true, true}, // whatever its name is
		{"infra-prod-apply", "prod-eu", false, false},
		{"infra-prod", "", true, true}, // the trail is called so
		{"infra-prod-eu", "", false, false},
		{"arn:aws:sns:eu-west-1:123456789012:infra-staging-alert", "", false, false},
		{"/infra/prod-eu/hosts", "", false, false},
		{"/infra/prod/hosts", "", true, true},
		{"/aws/rds/instance/infra-staging-postgresql/upgrade", "", false, false},
		{"infra-state-123456789012-eu-west-1", "", true, false},
		{"somebodys", "", true, false},
		{"somebodys", "elsewhere", false, false},
	} {
		tags := map[string]string{}
		if c.tag != "" {
			tags["environment"] = c.tag
		}
		thing := audit.Thing{Type: "aws_iam_role", ID: c.id}
		if got := s.concerns(thing, tags); got != c.concerns {
			t.Errorf("%s of %q concerns: %v", c.id, c.tag, got)
		}
		if got := s.own(thing, tags); got != c.own {
			t.Errorf("%s of %q is own: %v", c.id, c.tag, got)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	refused := &smithy.OperationError{ServiceID: "IAM", OperationName: "ListUsers", Err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}}
	if got := plain(refused); got != "IAM ListUsers: AccessDenied: no" {
		t.Error(got)
	}
	if !isError(refused, "NoSuchTagSet", "AccessDenied") || isError(errors.New("AccessDenied"), "AccessDenied") {
		t.Error("which error it is")
	}
}

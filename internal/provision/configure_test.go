package provision

import (
	"reflect"
	"testing"

	"infra/internal/environment"
)

// The hosts of an environment know all of its keys, not only the one of their
// launch; a guest, which an image may be made of, is given none.
func TestSiteVariables(t *testing.T) {
	t.Parallel()
	s := environment.Settings{SSH: environment.SSH{User: "admin", PublicKeys: []string{"ssh-ed25519 A pipeline", "ssh-ed25519 B operator"}}}
	want := []map[string]any{{"name": "admin", "keys": []string{"ssh-ed25519 A pipeline", "ssh-ed25519 B operator"}}}
	if got := siteVariables(s)["base_users"]; !reflect.DeepEqual(got, want) {
		t.Errorf("users are %v, want %v", got, want)
	}
	if got, given := hostVariables(s)["base_users"]; given {
		t.Errorf("a guest gets %v", got)
	}
	if got, given := siteVariables(environment.Settings{})["base_users"]; given {
		t.Errorf("without a key, users are %v", got)
	}
}

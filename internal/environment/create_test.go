package environment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// aProject is a folder with the shipped environments.
func aProject(t *testing.T) string {
	t.Helper()
	project := t.TempDir()
	if err := os.CopyFS(filepath.Join(project, Folder), os.DirFS("../../environments")); err != nil {
		t.Fatal(err)
	}
	return project
}

const aKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTvQx7SDJIe3UWVWW6m7Uos7emyN6xfz14kJJHCv2Jr ada@example.com"

func draftOf(change func(*Draft)) Draft {
	d := Draft{Name: "globex", From: "base", Account: "444444444444", Region: "eu-central-1", CIDR: "10.60.0.0/20", PublicKeys: []string{aKey}}
	change(&d)
	return d
}

func TestCreate(t *testing.T) {
	project := aProject(t)
	env, err := Create(project, draftOf(func(d *Draft) {
		d.RoleARN, d.ExternalID, d.Protected, d.StateBucket = "arn:aws:iam::444444444444:role/infra-apply", "globex-1", true, "globex-states"
	}))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(project, "globex")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Environment{env, loaded} {
		role, _ := e.Role()
		if e.Account() != "444444444444" || role.ExternalID != "globex-1" || !e.Protected() || e.StateBucket() != "globex-states" ||
			e.Pipeline().VPC.Access != "ssm" || e.Tags()["customer"] != "globex" || len(e.SSH().PublicKeys) != 1 {
			t.Errorf("it says %+v", e.Settings())
		}
	}
	left, err := filepath.Glob(filepath.Join(project, Folder, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left beside it: %v, %v", left, err)
	}
	// From an environment with a role: not with its role, unless one is given.
	if env, err = Create(project, draftOf(func(d *Draft) {
		d.Name, d.From, d.Account, d.CIDR = "initech", "globex", "555555555555", "10.61.0.0/20"
	})); err != nil {
		t.Fatal(err)
	}
	if _, assumed := env.Role(); assumed || env.StateBucket() != "globex-states" {
		t.Errorf("of the one that it extends: %+v", env.Settings())
	}
}

func TestCreateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Draft)
		says   string
	}{
		"its name":              {func(d *Draft) { d.Name = "../globex" }, "is not a name of 2 to 31"},
		"a file that is there":  {func(d *Draft) { d.Name = "prod" }, "environments/prod.yaml is there already"},
		"nothing to extend":     {func(d *Draft) { d.From = "bas" }, "there is no environments/bas.yaml to extend; did you mean"},
		"an account":            {func(d *Draft) { d.Account = "44" }, "environments/globex.yaml:8:10: account must be"},
		"YAML in a value":       {func(d *Draft) { d.Region = "eu-west-1\nprotected: false" }, "environments/globex.yaml:9:9: "},
		"no key":                {func(d *Draft) { d.PublicKeys = nil }, "ssh.public_keys needs at least one key"},
		"a role elsewhere":      {func(d *Draft) { d.RoleARN = "arn:aws:iam::111111111111:role/x" }, "role.arn is in account 111111111111"},
		"a public range":        {func(d *Draft) { d.CIDR = "8.8.0.0/16" }, "is not a private range"},
		"a range of another":    {func(d *Draft) { d.CIDR = "10.40.0.0/20" }, "10.40.0.0/20 overlaps 10.40.0.0/20 of environment acme (environments/acme.yaml:33:13); the next free one of this size is 10.40.16.0/20"},
		"a range of a peer":     {func(d *Draft) { d.From, d.CIDR = "acme", "10.200.16.0/20" }, "which postgresql.allowed_cidrs lets in; the next free one of this size is 10.201.0.0/20"},
		"a bucket of another":   {func(d *Draft) { d.Account, d.Region = "333333333333", "eu-central-1" }, "environment acme (environments/acme.yaml:9:10) has account 333333333333"},
		"its own state bucket?": {func(d *Draft) { d.StateBucket = "UPPER" }, "state.bucket must be a bucket name"},
	} {
		project := aProject(t)
		d := draftOf(c.change)
		_, err := Create(project, d)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if _, err := os.Stat(filepath.Join(project, Folder, "globex.yaml")); err == nil {
			t.Errorf("%s: the file was written", name)
		}
	}
}

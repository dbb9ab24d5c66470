package environment_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/environment"
	"infra/internal/fault"
)

func TestFolders(t *testing.T) {
	dir := write(t, map[string]string{
		"base.yaml":                  "region: eu-west-1\n",
		"customers/acme.yaml":        "extends: base\n" + strings.Replace(right+network, "region: eu-west-1\n", "", 1),
		"customers/north/bolt.yaml":  sibling("210987654321", "eu-west-1", "10.2.0.0/16"),
		"customers/.hidden/bad.yaml": "nonsense",
		"internal/prod.yaml":         sibling("210987654321", "eu-west-1", "10.3.0.0/16"),
	})
	all, err := environment.LoadAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, env := range all {
		files = append(files, env.Name()+"="+env.File())
	}
	if got := strings.Join(files, " "); got != "acme=environments/customers/acme.yaml bolt=environments/customers/north/bolt.yaml prod=environments/internal/prod.yaml" {
		t.Errorf("environments: %s", got)
	}
	if env, err := environment.Load(dir, "bolt"); err != nil || env.File() != "environments/customers/north/bolt.yaml" {
		t.Errorf("bolt: %v", err)
	}
	for name, want := range map[string]string{"acme": "environments/customers/acme.yaml", "nobody": "environments/nobody.yaml"} {
		if got := environment.File(dir, name); got != want {
			t.Errorf("the file of %s is %s", name, got)
		}
	}
	chains, err := environment.Chains(dir)
	if err != nil || strings.Join(chains["acme"].Files, " ") != "environments/customers/acme.yaml environments/base.yaml" {
		t.Errorf("chain of acme: %v, %v", chains["acme"], err)
	}
	these, err := environment.LoadThese(dir, func(file string) bool { return strings.HasPrefix(file, "environments/customers/") })
	if err != nil || len(these) != 2 {
		t.Errorf("of customers: %d environments, %v", len(these), err)
	}
}

func TestTheSameNameInTwoFolders(t *testing.T) {
	dir := write(t, map[string]string{
		"acme.yaml":           right + network,
		"customers/acme.yaml": sibling("210987654321", "eu-west-1", "10.2.0.0/16"),
		"prod.yaml":           sibling("210987654321", "eu-west-1", "10.3.0.0/16"),
	})
	_, err := environment.Load(dir, "acme")
	if err == nil || fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "the name is taken by environments/customers/acme.yaml too") {
		t.Errorf("Load: %v", err)
	}
	if _, err := environment.Load(dir, "prod"); err != nil {
		t.Errorf("another one: %v", err)
	}
	if _, err := environment.LoadAll(dir); err == nil || !strings.Contains(err.Error(), "acme.yaml") {
		t.Errorf("LoadAll: %v", err)
	}
}

func TestWhatIsNotWantedDoesNotCount(t *testing.T) {
	dir := write(t, map[string]string{
		"good.yaml":    right + network,
		"broken.yaml":  "nonsense: 1\n",
		"overlap.yaml": right + network,
	})
	only := func(names ...string) func(string) bool {
		return func(file string) bool {
			return slices.Contains(names, strings.TrimSuffix(filepath.Base(file), ".yaml"))
		}
	}
	if _, err := environment.LoadThese(dir, only("good")); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("a network that overlaps that of one not wanted: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "environments", "overlap.yaml")); err != nil {
		t.Fatal(err)
	}
	if all, err := environment.LoadThese(dir, only("good")); err != nil || len(all) != 1 {
		t.Errorf("one that is whole: %d, %v", len(all), err)
	}
	if _, err := environment.LoadThese(dir, only("broken")); err == nil {
		t.Error("a broken one was accepted")
	}
}

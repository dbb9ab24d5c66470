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

// sibling is a whole file with a network and account of its own.
func sibling(account, region, cidr string) string {
	text := strings.Replace(right+network, "123456789012", account, 1)
	return strings.Replace(strings.Replace(text, "eu-west-1", region, 1), "10.1.0.0/16", cidr, 1)
}

func TestDefaultsAndInheritance(t *testing.T) {
	dir := write(t, map[string]string{
		"root.yaml": "region: eu-west-1\ntags: {team: data, stage: none}\nrole: {arn: \"arn:aws:iam::123456789012:role/x\"}\nproducts: {baseline: {ci: {repository: a/b, branch: main}}}\n",
		"base.yaml": "extends: root\nssh: {public_keys: [\"" + key + "\"]}\nproducts: {pipeline: {vpc: {access: ssm}, emr: {applications: [Spark, Hive]}}}\n",
		"prod.yaml": "extends: base\naccount: \"123456789012\"\nprotected: true\ntags: {stage: production}\nrole: null\nproducts:\n  baseline: {ci: {branch: master}}\n  pipeline: {vpc: {cidr: 10.1.0.0/16}, emr: {applications: [Hadoop]}}\n",
	})
	e, err := environment.Load(dir, "prod")
	if err != nil {
		t.Fatal(err)
	}
	s := e.Settings()
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"name", e.Name(), "prod"},
		{"file", e.File(), "environments/prod.yaml"},
		{"account", e.Account(), "123456789012"},
		{"region, from root", e.Region(), "eu-west-1"},
		{"partition", e.Partition(), "aws"},
		{"protected", e.Protected(), true},
		{"emulated", e.Emulated(), false},
		{"endpoint", e.Endpoint(), ""},
		{"bucket", e.StateBucket(), "infra-state-123456789012-eu-west-1"},
		{"tag of root", e.Tags()["team"], "data"},
		{"tag of prod", e.Tags()["stage"], "production"},
		{"zone name", e.Pipeline().VPC.ZoneName, "prod.internal"},
		{"access, from base", e.Pipeline().VPC.Access, "ssm"},
		{"list replaced", strings.Join(e.Pipeline().EMR.Applications, " "), "Hadoop"},
		{"list by default", strings.Join(e.Pipeline().VPC.Zones, " "), "a b c"},
		{"number by default", e.Pipeline().Zookeeper.Size, 3},
		{"truth by default", e.Baseline().Trail, true},
		{"user", e.SSH().User, "admin"},
		{"ci, from root", s.Products.Baseline.CI.Repository, "a/b"},
		{"ci, from prod", s.Products.Baseline.CI.Branch, "master"},
		{"ci, by default", s.Products.Baseline.CI.Provider, "github"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
	if _, ok := e.Role(); ok {
		t.Error("the role was not removed by null")
	}
	for path, want := range map[string]string{
		"region":                     "environments/root.yaml:1:9",
		"products.pipeline.vpc.cidr": "environments/prod.yaml:8:26",
		"tags.team":                  "environments/root.yaml:2:8",
	} {
		if at, ok := e.Origin(path); !ok || at.String() != want {
			t.Errorf("%s stands at %s, want %s", path, at, want)
		}
	}
	if _, ok := e.Origin("products.pipeline.zookeeper.size"); ok {
		t.Error("a default has no place")
	}
}

func TestCopies(t *testing.T) {
	e, err := environment.Load(write(t, map[string]string{"here.yaml": right + network + "tags: {a: b}\nrole: {arn: \"arn:aws:iam::123456789012:role/x\"}\n"}), "here")
	if err != nil {
		t.Fatal(err)
	}
	e.Tags()["a"] = "changed"
	s := e.Settings()
	s.Products.Pipeline.VPC.Zones[0] = "z"
	s.Role.ARN = "changed"
	e.SSH().PublicKeys[0] = "changed"
	role, _ := e.Role()
	if e.Tags()["a"] != "b" || e.Pipeline().VPC.Zones[0] != "a" || role.ARN == "changed" || e.SSH().PublicKeys[0] != key {
		t.Error("a caller changed the environment")
	}
}

func TestNames(t *testing.T) {
	dir := write(t, map[string]string{"base.yaml": "region: eu-west-1\n", "prod.yaml": right + network, "old.yml": right + network})
	for name, want := range map[string]string{
		"prd":                    `read environment prd: there is no environments/prd.yaml; did you mean "prod"?`,
		"nothing":                `read environment nothing: there is no environments/nothing.yaml`,
		"old":                    `read environment old: there is no environments/old.yaml; rename old.yml to old.yaml`,
		"base":                   `read environment base: environments/base.yaml: no account is set, so it is a base`,
		"Prod":                   `read environment "Prod": "Prod" is not a name of an environment; did you mean "prod"?`,
		"":                       `read environment "": "" is not a name`,
		"p":                      `read environment "p": "p" is not a name`,
		"../prod":                `read environment "../prod": "../prod" is not a name`,
		"/etc/passwd":            `read environment "/etc/passwd": "/etc/passwd" is not a name`,
		"-prod":                  `read environment "-prod": "-prod" is not a name`,
		"prod.yaml":              `read environment "prod.yaml": "prod.yaml" is not a name`,
		"prod\x1b[31m":           `read environment "prod\x1b[31m": "prod\x1b[31m" is not a name`,
		"prod\n":                 `read environment "prod\n": "prod\n" is not a name`,
		strings.Repeat("a", 500): `read environment "aaaa`,
	} {
		_, err := environment.Load(dir, name)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Load(%q): %v\nwant %s", name, err, want)
			continue
		}
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "use one of prod") {
			t.Errorf("Load(%q): code %d, hint %q", name, fault.CodeOf(err), fault.HintOf(err))
		}
	}
}

func TestExtends(t *testing.T) {
	files := map[string]string{
		"loop-one.yaml": "extends: loop-two\n",
		"loop-two.yaml": "extends: loop-one\n",
		"self.yaml":     "extends: self\n",
		"orphan.yaml":   "extends: bsae\n",
		"outside.yaml":  "extends: ../base\n",
		"base.yaml":     "region: eu-west-1\nproducts: {pipeline: {emr: {core_count: 50}}}\n",
		"broken.yaml":   "region: [\n",
		"unlucky.yaml":  "extends: broken\nregoin: x\n",
		"mistyped.yaml": "region: 12\nproducts: {pipeline: {zookeeper: {size: 2}}}\n",
		"heir.yaml":     "extends: mistyped\nregion: eu-west-1\n" + strings.Replace(right, "region: eu-west-1\n", "", 1) + network,
		"child.yaml":    "extends: base\n" + strings.Replace(right, "region: eu-west-1\n", "", 1) + network,
	}
	for i := range 9 {
		files["chain-"+string(rune('a'+i))+".yaml"] = "extends: chain-" + string(rune('a'+i+1)) + "\n"
	}
	files["chain-j.yaml"] = "region: eu-west-1\n"
	dir := write(t, files)
	for name, want := range map[string][]string{
		"loop-one": {"loop-two.yaml:1:10: extends goes in a circle: loop-one -> loop-two -> loop-one"},
		"self":     {"self.yaml:1:10: extends goes in a circle: self -> self"},
		"orphan":   {`orphan.yaml:1:10: there is no environments/bsae.yaml to extend; did you mean "base"?`},
		"outside":  {"outside.yaml:1:10: extends must be a name of 2 to 31"},
		"unlucky":  {"broken.yaml:1:1: malformed YAML", `unlucky.yaml:2:1: unknown key "regoin"`},
		"heir":     {"mistyped.yaml:1:9: region must be a text, not the number 12", "mistyped.yaml:2:41: products.pipeline.zookeeper.size must be"},
		"chain-a":  {"chain-h.yaml:1:10: more than 8 files extend each other"},
		"child":    {"base.yaml:2:41: products.pipeline.emr.max_capacity is 10, less than core_count, 50"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := environment.Load(dir, name)
			if err == nil {
				t.Fatal("no error")
			}
			checkProblems(t, err, "environments/", want)
		})
	}
}

func TestOverlaps(t *testing.T) {
	emulated := "emulated: true\nendpoint: http://127.0.0.1:4566\n"
	dir := write(t, map[string]string{
		"acme.yaml":    sibling("111111111111", "eu-west-1", "10.1.0.0/16"),
		"inside.yaml":  sibling("111111111111", "eu-west-1", "10.1.16.0/20"),
		"beside.yaml":  sibling("111111111111", "eu-west-1", "10.2.0.0/16"),
		"region.yaml":  sibling("111111111111", "eu-west-2", "10.1.0.0/16"),
		"account.yaml": sibling("222222222222", "eu-west-1", "10.1.0.0/16"),
		"sandbox.yaml": sibling("111111111111", "eu-west-1", "10.1.0.0/16") + emulated,
		"broken.yaml":  sibling("111111111111", "eu-west-1", "10.1.0.0/16") + "colour: red\n",
	})
	for _, name := range []string{"beside", "region", "account", "sandbox"} {
		if _, err := environment.Load(dir, name); err != nil {
			t.Errorf("Load(%s): %v", name, err)
		}
	}
	_, err := environment.Load(dir, "acme")
	checkProblems(t, err, "environments/", []string{
		"acme.yaml:6:17: products.pipeline.vpc.cidr: 10.1.0.0/16 overlaps 10.1.16.0/20 of environment inside (environments/inside.yaml:6:17), in the same account and region",
	})
	_, err = environment.LoadAll(dir)
	checkProblems(t, err, "environments/", []string{"broken.yaml:7:1: unknown key", "inside.yaml:6:17: products.pipeline.vpc.cidr: 10.1.16.0/20 overlaps 10.1.0.0/16 of environment acme"})
}

func TestList(t *testing.T) {
	dir := write(t, map[string]string{
		"base.yaml":    "region: eu-west-1\n",
		"shared.yaml":  "extends: base\ncolour: red\n",
		"prod.yaml":    right,
		"broken.yaml":  "[\n",
		"Prod.yaml":    right,
		".hidden.yaml": "x",
		"README.md":    "x",
	})
	got, err := environment.List(dir)
	if want := []string{"broken", "prod"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("List: %v %v, want %v", got, err, want)
	}
	if _, err := environment.Load(dir, "prod"); err == nil || !strings.Contains(err.Error(), "environments/Prod.yaml: differs from prod.yaml in upper and lower case only") {
		t.Errorf("Load(prod) beside Prod.yaml: %v", err)
	}
	_, err = environment.LoadAll(dir)
	for _, want := range []string{
		"environments/Prod.yaml: the name must be a name of 2 to 31 small letters",
		"environments/prod.yaml: differs from Prod.yaml in upper and lower case only",
		"environments/broken.yaml:1:1: malformed YAML",
		`environments/shared.yaml:2:1: unknown key "colour"`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadAll: %v\nwant %s", err, want)
		}
	}
}

func TestFilesThatAreNone(t *testing.T) {
	dir := write(t, map[string]string{"prod.yaml": right + network})
	at := func(name string) string { return filepath.Join(dir, "environments", name) }
	if err := os.Symlink("prod.yaml", at("link.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", at("away.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("folder.yaml"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(at("prod.yaml"), int64(len(right+network))); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(at("big.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := big.Truncate(100 << 20); err != nil {
		t.Fatal(err)
	}
	if err := big.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"link":   "link.yaml:1:1: is a link, which is not followed",
		"away":   "away.yaml:1:1: is a link, which is not followed",
		"folder": "folder.yaml:1:1: is not a regular file",
		"big":    "big.yaml: the file is larger than 1024 KiB",
	} {
		_, err := environment.Load(dir, name)
		if err == nil {
			t.Fatalf("Load(%s): no error", name)
		}
		checkProblems(t, err, "environments/", []string{want})
	}
	if _, err := environment.Load(dir, "prod"); err != nil {
		t.Errorf("a broken neighbour stands in the way: %v", err)
	}
}

func TestNoFolder(t *testing.T) {
	empty := t.TempDir()
	linked := t.TempDir()
	if err := os.Symlink(empty, filepath.Join(linked, "environments")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{empty, linked, filepath.Join(empty, "nowhere")} {
		_, err := environment.Load(dir, "prod")
		_, errAll := environment.LoadAll(dir)
		_, errList := environment.List(dir)
		for _, err := range []error{err, errAll, errList} {
			if fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "-C DIR") {
				t.Errorf("%s: %v, hint %q", dir, err, fault.HintOf(err))
			}
		}
	}
}

func TestPartition(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1":      "aws",
		"cn-north-1":     "aws-cn",
		"us-gov-west-1":  "aws-us-gov",
		"us-iso-east-1":  "aws-iso",
		"us-isob-east-1": "aws-iso-b",
		"ap-southeast-2": "aws",
	} {
		e, err := environment.Load(write(t, map[string]string{"here.yaml": sibling("123456789012", region, "10.1.0.0/16")}), "here")
		if err != nil {
			t.Errorf("%s: %v", region, err)
		} else if e.Partition() != want {
			t.Errorf("%s is in %s, want %s", region, e.Partition(), want)
		}
	}
}

package state

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// sample is a small state with everything in it that the package reads.
const sample = `{
  "version": 4,
  "terraform_version": "1.11.4",
  "serial": 7,
  "lineage": "5e1f",
  "outputs": {
    "a": {"value": {"x": 1}, "type": ["object", {"x": "number"}]},
    "p": {"value": "hunter2!", "type": "string", "sensitive": true}
  },
  "resources": [
    {
      "mode": "data", "type": "aws_ami", "name": "os", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
      "instances": [{"schema_version": 0, "attributes": {"id": "ami-1"}}]
    },
    {
      "module": "module.emr[\"blue\"]", "mode": "managed", "type": "aws_emr_cluster", "name": "this",
      "provider": "module.emr[\"blue\"].provider[\"registry.terraform.io/hashicorp/aws\"].eu",
      "instances": [
        {"index_key": 0, "schema_version": 0, "attributes": {"id": "j-1", "tags": {"a b": "c"}, "count": 12345678901234567890},
         "dependencies": ["data.aws_ami.os", "module.vpc.aws_subnet.private"]},
        {"index_key": "x", "status": "tainted", "schema_version": 0, "attributes": {"id": "j-2"}}
      ]
    },
    {
      "module": "module.vpc", "mode": "managed", "type": "aws_subnet", "name": "private", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
      "instances": [
        {"index_key": 0, "schema_version": 1, "attributes": {"id": "subnet-1", "secret": "s3cr3t", "secret_arn": "arn:1", "auth": {"key": "deep"}, "list": ["one", "two"]},
         "sensitive_attributes": [[{"type": "get_attr", "value": "auth"}], [{"type": "get_attr", "value": "list"}, {"type": "index", "value": {"value": 1, "type": "number"}}]]},
        {"index_key": 0, "deposed": "0a1b2c3d", "schema_version": 1, "attributes": {"id": "subnet-0"}}
      ]
    }
  ],
  "check_results": null
}
`

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if s.Serial != 7 || s.Lineage != "5e1f" || s.Resources != 4 || !s.Outputs["p"].Sensitive || len(s.SHA256) != 64 || string(s.Raw) != sample {
		t.Errorf("parsed %+v", s)
	}
	var a struct{ X int }
	if ok, err := s.Decode("a", &a); err != nil || !ok || a.X != 1 {
		t.Errorf("decoded %v %v %v", a, ok, err)
	}
	if ok, err := s.Decode("none", &a); ok || err != nil {
		t.Errorf("an output that is not there: %v %v", ok, err)
	}
}

func TestRow15ParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in, want string
		is       error
	}{
		"zero bytes":  {"", "zero bytes", ErrEmpty},
		"not JSON":    {"{\n \"a\": x}", "2:7: ", ErrCorrupt},
		"cut short":   {sample[:900], "not valid JSON", ErrCorrupt},
		"old version": {`{"version":3}`, "format version 3", ErrCorrupt},
		"wrong type":  {`{"version":4,"serial":"7"}`, "serial", ErrCorrupt},
		"a list":      {`[]`, "not valid JSON", ErrCorrupt},
	} {
		_, err := Parse([]byte(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestPartition(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		if got := Partition(region); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := parsed(t, sample)
	want := []string{
		"data.aws_ami.os", `module.emr["blue"].aws_emr_cluster.this[0]`, `module.emr["blue"].aws_emr_cluster.this["x"]`,
		"module.vpc.aws_subnet.private[0]", "module.vpc.aws_subnet.private[0] (deposed 0a1b2c3d)",
	}
	if got := s.Addresses(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("addresses are %q", got)
	}
	for address, want := range map[string]int{
		"module.emr": 2,
		"module.emr[blue].aws_emr_cluster.this[x]": 1,
		`module.emr['blue']`:                       2,
		"module.vpc.aws_subnet.private":            2,
		"module.vpc.aws_subnet.private[0]":         2,
		"module.vpc.aws_subnet.priv":               0,
		"module.v":                                 0,
		"data.aws_ami.os":                          1,
		"":                                         0,
	} {
		if got := s.Find(address); len(got) != want {
			t.Errorf("%q finds %d, want %d: %v", address, len(got), want, got)
		}
	}
	if i := s.Find(`module.emr["blue"].aws_emr_cluster.this["x"]`)[0]; !i.Tainted || i.ID != "j-2" || i.Type != "aws_emr_cluster" {
		t.Errorf("found %+v", i)
	}
}

func TestSensitiveValuesAreMasked(t *testing.T) {
	t.Parallel()
	i := parsed(t, sample).Find("module.vpc.aws_subnet.private[0]")[0]
	got := map[string]string{}
	for _, l := range i.Leaves(false) {
		got[l.Path] = l.Value
	}
	for path, want := range map[string]string{
		"id": `"subnet-1"`, "secret": Masked, "secret_arn": `"arn:1"`, "auth.key": Masked, "list[0]": `"one"`, "list[1]": Masked,
	} {
		if got[path] != want {
			t.Errorf("%s is shown as %s, want %s", path, got[path], want)
		}
	}
	text, err := json.Marshal(i.Shown(false))
	if err != nil || strings.Contains(string(text), "s3cr3t") || strings.Contains(string(text), "deep") || strings.Contains(string(text), "two") || !strings.Contains(string(text), "arn:1") {
		t.Errorf("shown %s, %v", text, err)
	}
	if text, err := json.Marshal(i.Shown(true)); err != nil || !strings.Contains(string(text), "s3cr3t") {
		t.Errorf("revealed %s, %v", text, err)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	changed := strings.NewReplacer(
		`"j-1"`, `"j-9"`, `"s3cr3t"`, `"other"`, `"hunter2!"`, `"hunter3!"`, `"status": "tainted", `, "",
		`"index_key": 0, "deposed": "0a1b2c3d"`, `"index_key": 1`, `12345678901234567890`, `12345678901234567891`,
	).Replace(sample)
	text := Lines(Diff(parsed(t, sample), parsed(t, changed), false))
	want := `~ module.emr["blue"].aws_emr_cluster.this["x"] (tainted): true -> (none)
~ module.emr["blue"].aws_emr_cluster.this[0] count: 12345678901234567890 -> 12345678901234567891
~ module.emr["blue"].aws_emr_cluster.this[0] id: "j-1" -> "j-9"
~ module.vpc.aws_subnet.private[0] secret: (sensitive) -> (sensitive)
- module.vpc.aws_subnet.private[0] (deposed 0a1b2c3d)
+ module.vpc.aws_subnet.private[1]
~ output.p: (sensitive) -> (sensitive)
`
	if text != want {
		t.Errorf("the difference is\n%s\nwant\n%s", text, want)
	}
	if text := Lines(Diff(parsed(t, sample), parsed(t, changed), true)); !strings.Contains(text, `"hunter2!" -> "hunter3!"`) {
		t.Errorf("revealed:\n%s", text)
	}
	if d := Diff(parsed(t, sample), parsed(t, string(Bump([]byte(sample), 99))), false); len(d) != 0 {
		t.Errorf("another serial alone differs: %v", d)
	}
	if d := Diff(nil, parsed(t, sample), false); len(d) != 7 || d[0].Action != "added" {
		t.Errorf("from nothing: %v", d)
	}
}

func parsed(t *testing.T, text string) *State {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

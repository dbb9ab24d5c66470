package state

import (
	"fmt"
	"strings"
	"testing"
)

func TestCheckAcceptsAState(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"the sample":   sample,
		"an empty one": `{"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "l", "outputs": {}, "resources": [], "check_results": null}`,
		"with checks":  strings.Replace(sample, "null\n", `[{"object_kind": "output", "config_addr": "output.a", "status": "pass", "objects": null}]`+"\n", 1),
	} {
		if problems := Check([]byte(text)); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	replace := func(old, now string) string {
		if !strings.Contains(sample, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(sample, old, now, 1)
	}
	for name, c := range map[string]struct {
		text string
		want string // the whole of the first problem
		warn bool
	}{
		"nothing":            {"", "empty (zero bytes)", false},
		"a missing comma":    {replace(`"serial": 7,`, `"serial": 7`), "5:3: it is not valid JSON: invalid character '\"' after object key:value pair", false},
		"text after the end": {sample + "}", "35:1: it is not valid JSON: invalid character '}' after top-level value", false},
		"cut short":          {sample[:200], "it is not valid JSON: unexpected end of JSON input", false},
		"not UTF-8":          {replace("hunter2!", "hunter\xff"), "8:27: it is not valid UTF-8", false},
		"not an object":      {"[]", "1:1: it must be an object", false},
		"too deep":           {strings.Repeat("[", 300) + strings.Repeat("]", 300), "more than 200 deep", false},
		"a name twice":       {replace(`"index_key": "x",`, `"index_key": "x", "index_key": "y",`), "resources[1].instances[1].index_key: it stands twice", false},
		"another version":    {replace(`"version": 4`, `"version": 3`), "2:14: version: it must be 4", false},
		"no lineage":         {replace(`"lineage": "5e1f",`, ``), "1:1: lineage is missing", false},
		"an empty lineage":   {replace(`"5e1f"`, `""`), "5:14: lineage: it must not be empty", false},
		"serial as text":     {replace(`"serial": 7`, `"serial": "7"`), "4:13: serial: it must be a whole number", false},
		"a negative serial":  {replace(`"serial": 7`, `"serial": -7`), "4:13: serial: it must be a whole number that is not negative", false},
		"an unknown member":  {replace(`"instances": [{"sch`, `"instanses": [], "instances": [{"sch`), `instanses: Terraform knows no such member; did you mean "instances"?`, true},
		"output w/o value":   {replace(`"p": {"value": "hunter2!", `, `"p": {`), "8:10: outputs.p: value is missing", false},
		"output w/o type":    {replace(`, "type": "string"`, ``), "outputs.p: type is missing", false},
		"a strange mode":     {replace(`"mode": "data"`, `"mode": "date"`), `resources[0].mode: it is "date", it can be managed or data`, false},
		"a strange type":     {replace(`"type": "aws_ami"`, `"type": "aws ami"`), `resources[0].type: "aws ami" cannot be a type`, false},
		"no provider":        {replace(`"name": "os", "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]"`, `"name": "os"`), "resources[0]: provider is missing", false},
		"a strange provider": {replace(`provider[\"registry.terraform.io/hashicorp/aws\"]"`, `aws"`), `resources[0].provider: "aws" is no provider`, false},
		"a strange module":   {replace(`"module": "module.emr[\"blue\"]"`, `"module": "emr"`), `resources[1].module: "emr" is no module`, false},
		"a resource twice":   {replace(`"name": "os"`, `"name": "os2"`), "resources[1].instances[0].dependencies[0]: it depends on data.aws_ami.os, which is not in the state", true},
		"an instance twice":  {replace(`"index_key": "x"`, `"index_key": 0`), "resources[1].instances[1]: the instance [0] is there twice", false},
		"a strange key":      {replace(`"index_key": "x"`, `"index_key": 1.5`), "index_key: 1.5 is no place in a list", false},
		"a strange status":   {replace(`"tainted"`, `"tinted"`), `status: it is "tinted", it can be tainted or missing`, false},
		"no instances":       {replace(`"instances": [{"schema_version": 0, "attributes": {"id": "ami-1"}}]`, `"instances": null`), "resources[0].instances: it must be a list", false},
		"no address":         {replace(`"data.aws_ami.os", `, `"the ami", `), `dependencies[0]: "the ami" is no address of a resource`, false},
		"a lost dependency":  {replace(`"module.vpc.aws_subnet.private"`, `"module.vpc.aws_subnet.public"`), "20:46: resources[1].instances[0].dependencies[1]: it depends on module.vpc.aws_subnet.public, which is not in the state", true},
	} {
		problems := Check([]byte(c.text))
		if len(problems) == 0 {
			t.Errorf("%s: nothing was found", name)
			continue
		}
		if !strings.Contains(problems[0].String(), c.want) || problems[0].Warning != c.warn {
			t.Errorf("%s: %v (warning: %v)\nwant %s", name, problems, problems[0].Warning, c.want)
		}
	}
}

func TestCheckFindsResourcesTwice(t *testing.T) {
	t.Parallel()
	one := `{"mode": "managed", "type": "a", "name": "b", "provider": "provider[\"r/h/a\"]", "instances": []}`
	problems := Check(fmt.Appendf(nil, `{"version": 4, "serial": 1, "lineage": "l", "resources": [%s, %s]}`, one, one))
	if len(problems) != 1 || !strings.Contains(problems[0].String(), "resources[1]: a.b is there twice") {
		t.Errorf("found %v", problems)
	}
}

func TestRow45CheckIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"version": 4, "serial": 1, "lineage": "l", "resources": [`)
	for i := range 20000 {
		fmt.Fprintf(&b, "\n%d,", i)
	}
	b.WriteString("0]}")
	if problems := Check([]byte(b.String())); len(problems) != problemLimit || problems[0].Line != 2 {
		t.Errorf("%d problems, the first is %v", len(problems), problems[0])
	}
}

func TestAdded(t *testing.T) {
	t.Parallel()
	before := []Problem{{Line: 3, Message: "old"}, {Message: "same words", Warning: true}}
	after := []Problem{{Line: 9, Message: "old"}, {Message: "same words"}, {Message: "new"}}
	if got := Added(before, after); len(got) != 2 || got[0].Message != "same words" || got[1].Message != "new" {
		t.Errorf("added %v", got)
	}
}

func TestRow18BumpKeepsEveryOtherByte(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"serial": 7, "x": {"serial": 1}}`: `{"serial": 8, "x": {"serial": 1}}`,
		"{\n \"lineage\":\"l\"}":            "{\"serial\": 8, \n \"lineage\":\"l\"}",
		`{}`:                                `{"serial": 8}`,
		`[7]`:                               `[7]`,
		`{"serial": `:                       `{"serial": `,
	} {
		if got := string(Bump([]byte(in), 8)); got != want {
			t.Errorf("Bump(%s) = %s, want %s", in, got, want)
		}
	}
	if got := string(Bump([]byte(sample), 8)); got != strings.Replace(sample, `"serial": 7`, `"serial": 8`, 1) {
		t.Errorf("the sample became\n%s", got)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b string
		want bool
	}{
		"serial and spaces": {`{"serial":1,"lineage":"l"}`, "{\n\"serial\": 2, \"lineage\": \"l\" }", true},
		"a value":           {`{"serial":1,"lineage":"l"}`, `{"serial":1,"lineage":"m"}`, false},
		"both broken":       {`{`, `{`, true},
		"one broken":        {`{`, `{}`, false},
	} {
		if got := Same([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzParse: whatever stands in S3 or was typed into an editor, nothing
// panics, and what Check calls sound Parse reads and Bump can raise.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(""))
	f.Add([]byte(`{"version":4,"serial":1,"lineage":"l","resources":[{"mode":"data","type":"a","name":"b","instances":[{"index_key":"\u0000"}]}]}`))
	f.Add([]byte(`{"serial":1,"serial":2}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		hard := 0
		for _, p := range Check(raw) {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("a problem without a place: %+v", p)
			}
			if !p.Warning {
				hard++
			}
		}
		s, err := Parse(raw)
		if hard == 0 && err != nil {
			t.Errorf("sound, but: %v", err)
		}
		if err != nil {
			return
		}
		for _, i := range s.Instances() {
			if len(i.Leaves(false)) > 0 && i.Address == "" {
				t.Error("an instance without an address")
			}
			_ = i.Shown(false)
		}
		_ = s.Find("module.vpc")
		if d := Diff(s, s, false); len(d) > 0 {
			t.Errorf("it differs from itself: %v", d)
		}
		raised, err := Parse(Bump(raw, 1<<40))
		if err != nil || (hard == 0 && raised.Serial != 1<<40) {
			t.Errorf("raised: %v", err)
		}
		if hard == 0 && !Same(raw, raised.Raw) {
			t.Error("another serial alone is another state")
		}
	})
}

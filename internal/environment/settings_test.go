package environment

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"

	"gopkg.in/yaml.v3"
)

// The tags are read at run time, so a slip in one has to show here.
func TestTags(t *testing.T) {
	walk(t, reflect.TypeFor[Settings](), "")
}

func walk(t *testing.T, block reflect.Type, path string) {
	t.Helper()
	seen := make(map[string]bool)
	for _, r := range rulesOf(block) {
		at := join(path, r.name)
		if r.name == "" || r.doc == "" || seen[r.name] {
			t.Errorf("%s: no name, no doc, or a name twice", at)
		}
		seen[r.name] = true
		for _, bound := range []string{r.min, r.max} {
			if _, err := strconv.Atoi(bound); bound != "" && err != nil {
				t.Errorf("%s: bound %q is not a number", at, bound)
			}
		}
		if _, ok := makeFormats()[r.format]; r.format != "" && !ok {
			t.Errorf("%s: no format %q", at, r.format)
		}
		if inner, ok := r.block(); ok {
			walk(t, inner, at)
			continue
		}
		if r.hasDefault == r.required && at != "extends" {
			t.Errorf("%s: needs either a default or to be required", at)
		}
		if r.hasDefault {
			checkDefault(t, r, at)
		}
	}
}

// checkDefault gives a setting its own default as a file would.
func checkDefault(t *testing.T, r rules, at string) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(r.standard), &document); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	b := &builder{file: "default"}
	c := &checker{formats: makeFormats(), bad: make(map[string]bool)}
	if !c.value(b.build(document.Content[0], 0), r, at) || len(b.problems) > 0 {
		t.Errorf("%s: the default breaks the rules: %v %v", at, b.problems, c.problems)
	}
}

// Defaults filled in one place must be those that the schema shows.
func TestSchemaShowsTheDefaults(t *testing.T) {
	var filled Settings
	d := &decoder{places: make(map[string]Place)}
	if err := d.block(reflect.ValueOf(&filled).Elem(), nil, ""); err != nil {
		t.Fatal(err)
	}
	text := Schema()
	type node struct {
		Default    any
		Properties map[string]*node
	}
	var schema node
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	size := schema.Properties["products"].Properties["pipeline"].Properties["zookeeper"].Properties["size"]
	if size.Default != float64(filled.Products.Pipeline.Zookeeper.Size) {
		t.Errorf("schema %v, filled %d", size.Default, filled.Products.Pipeline.Zookeeper.Size)
	}
	if !bytes.Equal(Schema(), text) {
		t.Error("the schema is not the same each time")
	}
}

// The schedules that systemd takes, as far as they make sense for backups.
func TestCalendarEvents(t *testing.T) {
	pattern := makeFormats()["calendar"].pattern
	for text, want := range map[string]bool{
		"hourly": true, "daily": true, "weekly": true, "*-*-* 01:00:00": true, "*-*-* 01:00": true, "01:30": true, "*:0/30": true,
		"Sun 03:30": true, "Mon..Fri *-*-* 01:00:00": true, "Mon,Wed,Fri 02:00": true, "*-*-01 04:00:00": true, "2027-01-01 00:00:00": true,
		"": false, "nightly": false, "yearly": false, "Sunday 03:30": false, "1am": false, "*-*-* 01:00:00\nUnit=x": false, "*:00; id": false, "%n": false,
	} {
		if pattern.MatchString(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

package state

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	s, err := parse([]byte(`{"version":4,"serial":7,"lineage":"l","outputs":{"a":{"value":{"x":1},"type":"any"},"p":{"value":"s","sensitive":true}},
	 "resources":[{"mode":"managed","instances":[{},{}]},{"mode":"data","instances":[{}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Serial != 7 || s.Lineage != "l" || s.Resources != 2 || !s.Outputs["p"].Sensitive {
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

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"zero bytes":  {"", "zero bytes"},
		"not JSON":    {"{", "not valid JSON"},
		"old version": {`{"version":3}`, "format version 3"},
	} {
		if _, err := parse([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestPartition(t *testing.T) {
	for region, want := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		if got := Partition(region); got != want {
			t.Errorf("partition of %s is %s, want %s", region, got, want)
		}
	}
}

func TestSameJSON(t *testing.T) {
	if !sameJSON(`{"a":1,"b":[2]}`, `{"b":[2], "a":1}`) {
		t.Error("the order of keys matters")
	}
	if sameJSON(`{"a":1}`, `{"a":2}`) || sameJSON("", "{}") {
		t.Error("different documents count as the same")
	}
}

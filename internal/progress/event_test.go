package progress

import (
	"reflect"
	"strings"
	"testing"
)

func TestJournalIsReadAsItWasWritten(t *testing.T) {
	events := whole().events
	var journal strings.Builder
	for _, e := range events {
		journal.Write(e.Line())
	}
	got, err := Parse([]byte(journal.String()))
	if err != nil || !reflect.DeepEqual(got, events) {
		t.Errorf("read %d of %d events, %v", len(got), len(events), err)
	}
	if n := strings.Count(journal.String(), "\n"); n != len(events) {
		t.Errorf("%d events are %d lines", len(events), n)
	}
}

func TestParse(t *testing.T) {
	line := string(Event{Kind: Warning, Message: "a < b"}.Line())
	for name, c := range map[string]struct {
		journal string
		events  int
		err     string
	}{
		"nothing":                      {"", 0, ""},
		"Windows line ends":            {strings.ReplaceAll(line+line, "\n", "\r\n"), 2, ""},
		"cut short by a kill":          {line + line[:len(line)/2], 1, ""},
		"a later schema":               {line + strings.Replace(line, "event/v1", "event/v2", 1), 1, ""},
		"members that nobody knows":    {strings.Replace(line, "{", `{"new":1,`, 1), 1, ""},
		"kinds that nobody knows":      {strings.Replace(line, "warning", "omen", 1), 1, ""},
		"damaged in the middle":        {line + "nonsense\n" + line, 0, "line 2 of the journal"},
		"cut short in a single letter": {line + "{", 1, ""},
	} {
		got, err := Parse([]byte(c.journal))
		if (err != nil) != (c.err != "") || (err != nil && !strings.Contains(err.Error(), c.err)) || len(got) != c.events {
			t.Errorf("%s: %d events, %v", name, len(got), err)
		}
	}
	if !strings.Contains(line, `"schema":"infra/event/v1"`) || !strings.Contains(line, "a < b") {
		t.Errorf("a line is %s", line)
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string][2]string{
		"aws_kms_key.this":                                     {"", "aws_kms_key"},
		"module.vpc.aws_vpc.this":                              {"vpc", "aws_vpc"},
		`module.zookeeper.aws_instance.this["1"]`:              {"zookeeper", "aws_instance"},
		`module.zookeeper.module.a["x.y"].aws_eip.this["b.c"]`: {"zookeeper", "aws_eip"},
		"module.emr[0].aws_emr_cluster.this[1]":                {"emr", "aws_emr_cluster"},
		`aws_s3_object.this["a\"]b.c"]`:                        {"", "aws_s3_object"},
		"data.aws_ami.this":                                    {"", "aws_ami"},
		"odd":                                                  {"", "odd"},
	} {
		if got := [2]string{Layer(address), resourceType(address)}; got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

package terraform

import (
	"strings"
	"testing"

	"infra/internal/guard"
)

const stream = `{"@level":"info","@message":"Terraform 1.11.4","type":"version","terraform":"1.11.4"}
not json
{"type":"refresh_start","hook":{"resource":{"addr":"aws_vpc.this"}}}
{"type":"resource_drift","change":{"resource":{"addr":"aws_vpc.this","resource_type":"aws_vpc"},"action":"update"}}
{"type":"planned_change","change":{"resource":{"addr":"aws_ebs_volume.data","resource_type":"aws_ebs_volume"},"action":"replace","reason":"cannot_update"}}
{"type":"planned_change","change":{"resource":{"addr":"data.aws_ami.x","resource_type":"aws_ami"},"action":"read"}}
{"type":"outputs","outputs":{"a":{"action":"noop"},"b":{"action":"update"}}}
{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"old","detail":"deprecated"}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Invalid value","detail":"must be 3","address":"module.zookeeper","range":{"filename":"main.tf","start":{"line":7}}}}
`

func TestDecoder(t *testing.T) {
	var progress []Progress
	d := &decoder{progress: func(p Progress) { progress = append(progress, p) }}
	for _, chunk := range []string{stream[:100], stream[100:333], stream[333:]} { // lines arrive in pieces
		if _, err := d.Write([]byte(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	if got := acting(d.changes); len(got) != 1 || got[0] != (guard.Change{Address: "aws_ebs_volume.data", Type: "aws_ebs_volume", Action: guard.Replace, Reason: "cannot_update"}) {
		t.Errorf("changes are %+v", got)
	}
	if len(d.drifted) != 1 || !d.outputs || len(d.warnings) != 1 || len(progress) != 1 {
		t.Errorf("drift %v, outputs %v, warnings %v, progress %v", d.drifted, d.outputs, d.warnings, progress)
	}
	if want := "Invalid value\n  with module.zookeeper\n  at main.tf:7\n  must be 3"; len(d.errors) != 1 || d.errors[0].String() != want {
		t.Errorf("errors are %q", d.errors)
	}
}

func TestLongDetailsAreCut(t *testing.T) {
	d := diagnostic{Summary: "s", Detail: strings.Repeat("ä", 10000)}
	if got := d.String(); len(got) > 2*detailLimit || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes", len(got))
	}
}

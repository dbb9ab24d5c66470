package status

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"infra/internal/inventory"
	"infra/internal/topology"
)

func TestObserved(t *testing.T) {
	// The servers that were asked ran on one machine.
	run := func(ctx context.Context, h inventory.Host, in io.Reader, argv ...string) ([]byte, error) {
		data, err := answering(nil)(ctx, h, in, argv...)
		return bytes.ReplaceAll(data, []byte(`"host" : "127.0.0.1"`), []byte(`"host" : "10.0.1.1"`)), err
	}
	o := Read(t.Context(), sources(t, run, services(t, false))).Observed()
	for name, role := range map[string]string{
		"bastion": "bastion", "zookeeper-1": "follower", "zookeeper-2": "leader", "postgresql-1": "primary", "postgresql-2": "standby", "postgresql-witness": "witness", "emr-blue": "active",
	} {
		if node := o.Nodes[name]; node.Role != role || node.Problem != "" {
			t.Errorf("%s is %+v, want %s", name, node, role)
		}
	}
	if len(o.Links) != 1 || o.Links[0] != (topology.Link{From: "postgresql-1", To: "postgresql-2", State: topology.Streaming}) {
		t.Errorf("links %+v", o.Links)
	}
	if o.Endpoints["postgresql"] != "postgresql-1" || o.Endpoints["emr"] != "emr-blue" {
		t.Errorf("endpoints %v", o.Endpoints)
	}
	for _, layer := range o.Layers {
		if layer.Bad || !strings.HasPrefix(layer.Says, Healthy) {
			t.Errorf("%+v", layer)
		}
	}
}

// TestObservedOfNothing: who did not answer has no role.
func TestObservedOfNothing(t *testing.T) {
	o := Read(t.Context(), sources(t, Unreachable(errors.New("no host keys")), services(t, true))).Observed()
	for name, node := range o.Nodes {
		if name != "bastion" && (node.Role != "" || node.Problem == "") {
			t.Errorf("%s is %+v, and nobody answered", name, node)
		}
	}
	if len(o.Links) > 0 || len(o.Layers) != 3 {
		t.Errorf("links %+v, layers %+v", o.Links, o.Layers)
	}
	for _, layer := range o.Layers {
		if !layer.Bad {
			t.Errorf("%+v", layer)
		}
	}
}

func TestAlarms(t *testing.T) {
	states, err := Alarms(t.Context(), services(t, false), "test")
	if err != nil || len(states) != 3 || states["infra-test-emr-blue-hdfs"] != "OK" {
		t.Errorf("%v, %v", states, err)
	}
	if _, err := Alarms(t.Context(), services(t, true), "test"); err == nil || !strings.Contains(err.Error(), "alarms of test") {
		t.Errorf("refused: %v", err)
	}
}

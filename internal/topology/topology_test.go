package topology

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/inventory"
)

// platform is what the states of a platform in the emulator knew.
func platform(t *testing.T) Facts {
	t.Helper()
	raw, err := os.ReadFile("testdata/platform.json")
	if err != nil {
		t.Fatal(err)
	}
	var facts Facts
	if err := json.Unmarshal(raw, &facts); err != nil {
		t.Fatal(err)
	}
	return facts
}

func read(t *testing.T, facts Facts) *Map {
	t.Helper()
	m, err := Read(facts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// asked is what the servers of platform may say: a failover went before, and a
// standby does not stream.
func asked() Observed {
	return Observed{
		Nodes: map[string]Node{
			"zookeeper-1": {Role: "follower"}, "zookeeper-2": {Role: "leader"}, "zookeeper-3": {Problem: "does not answer over SSH: timed out after 20 s"},
			"postgresql-1": {Role: "standby", Detail: "does not stream"}, "postgresql-2": {Role: "primary"}, "postgresql-witness": {Role: "witness"},
			"emr-blue": {Role: "active"}, "bastion": {Role: "bastion"},
		},
		Links:     []Link{{From: "postgresql-2", To: "postgresql-1", State: Broken}},
		Endpoints: map[string]string{"postgresql": "postgresql-2", "emr": "emr-blue"},
		Layers: []Layer{
			{Name: "zookeeper", Says: "degraded: 3 servers, a quorum is 2, led by zookeeper-2", Bad: true},
			{Name: "postgresql", Says: "degraded: primary postgresql-2", Bad: true},
			{Name: "emr", Says: "healthy: emr-blue waiting, active"},
		},
		Alarms: map[string]string{"infra-cloud-zookeeper-3-cpu": "ALARM", "infra-cloud-zookeeper-1-cpu": "OK"},
	}
}

// grown is the platform with more servers than anybody has: count of them,
// in all zones.
func grown(t *testing.T, count int) Facts {
	facts := platform(t)
	subnets := map[string]string{}
	for _, r := range facts.Resources {
		if r.Type == "aws_subnet" {
			var a attributes
			if err := json.Unmarshal(r.Attributes, &a); err != nil {
				t.Fatal(err)
			}
			subnets[a.Zone+purposeOf(r.Address)] = a.ID
		}
	}
	zones := []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"}
	for n := len(facts.Hosts); n < count; n++ {
		zone := zones[n%3]
		id := fmt.Sprintf("i-%017x", n)
		name := fmt.Sprintf("application-server-%d", n)
		if n%7 == 0 {
			name = strings.Repeat("a-very-long-name-", 3) + fmt.Sprint(n)
		}
		facts.Hosts = append(facts.Hosts, inventory.Host{ID: id, Name: name, Layer: "application", Role: "server", Number: n, PrivateAddress: fmt.Sprintf("10.78.200.%d", n), Zone: zone})
		facts.Resources = append(facts.Resources, Resource{Address: "aws_instance." + id, Type: "aws_instance", Attributes: fmt.Appendf(nil, `{"id":%q,"subnet_id":%q,"instance_type":"m6i.2xlarge"}`, id, subnets[zone+"private"])})
	}
	for n := 3; n <= 6; n++ { // standbys of standbys
		zone := zones[n%3]
		id := fmt.Sprintf("i-5%016x", n)
		facts.Resources = append(facts.Resources, Resource{Address: "aws_instance." + id, Type: "aws_instance", Attributes: fmt.Appendf(nil, `{"id":%q,"subnet_id":%q}`, id, subnets[zone+"database"])})
		facts.Hosts = append(facts.Hosts, inventory.Host{ID: id, Name: fmt.Sprintf("postgresql-%d", n), Layer: "postgresql", Role: "standby", Number: n + 1, PrivateAddress: fmt.Sprintf("10.78.210.%d", n), Zone: zone})
	}
	return facts
}

// TestDrawings compares every language with what was looked at once.
// UPDATE_GOLDEN=1 writes anew.
func TestDrawings(t *testing.T) {
	plain := read(t, platform(t))
	probed := read(t, platform(t))
	probed.Observe(asked())
	for name, m := range map[string]*Map{"recorded": plain, "probed": probed} {
		document, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		for ext, text := range map[string]string{"svg": m.SVG(), "mmd": m.Mermaid(), "dot": m.Dot(), "json": string(document) + "\n"} {
			compare(t, name+"."+ext, text)
		}
		if bytes.Contains(document, []byte(": null")) {
			t.Errorf("%s: the document has a null", name)
		}
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// TestNothingIsGuessed: what was not asked is not drawn as known.
func TestNothingIsGuessed(t *testing.T) {
	m := read(t, platform(t))
	if m.Probed || len(m.Unknown) == 0 {
		t.Errorf("probed %v, unknown %q", m.Probed, m.Unknown)
	}
	for _, l := range m.Links {
		if l.State != AsMade {
			t.Errorf("%+v was not asked", l)
		}
	}
	for _, thing := range m.Things() {
		if thing.Now != "" {
			t.Errorf("%s is %s, and nobody asked it", thing.Name, thing.Now)
		}
	}
	m.Observe(asked())
	if want := "The role of zookeeper-3, which did not answer; it was made as server."; !slices.Contains(m.Unknown, want) {
		t.Errorf("unknown %q, want %q", m.Unknown, want)
	}
	if at := slices.IndexFunc(m.Endpoints, func(e Endpoint) bool { return e.Name == "postgresql" }); m.Endpoints[at].Target != "postgresql-2" {
		t.Errorf("the address leads to %q", m.Endpoints[at].Target)
	}
	if n := len(m.firing()); n != 1 {
		t.Errorf("%d alarms fire, want 1", n)
	}
	silent := read(t, platform(t))
	o := asked()
	o.Alarms = nil
	silent.Observe(o)
	if !slices.Contains(silent.Unknown, "Which alarms fire: CloudWatch did not answer.") {
		t.Errorf("unknown %q", silent.Unknown)
	}
}

// TestHostsOfNoSubnet: a host is drawn although no state has its instance.
func TestHostsOfNoSubnet(t *testing.T) {
	facts := platform(t)
	facts.Resources = nil
	m := read(t, facts)
	if got, want := len(m.Things()), len(facts.Hosts); got != want {
		t.Errorf("%d of %d hosts are drawn", got, want)
	}
	for _, want := range []string{"zookeeper-1", "unknown subnet", "eu-west-1c"} {
		if !strings.Contains(m.SVG(), want) {
			t.Errorf("no %q in the picture", want)
		}
	}
}

// TestHostileTextsAreText: names come from the cloud.
func TestHostileTextsAreText(t *testing.T) {
	const hostile = "\"]<script>\\\n`x`;#"
	m := read(t, platform(t))
	o := asked()
	o.Nodes["zookeeper-1"] = Node{Role: hostile, Detail: hostile, Problem: hostile}
	o.Layers = append(o.Layers, Layer{Name: hostile, Says: hostile})
	m.Observe(o)
	decoder := xml.NewDecoder(strings.NewReader(m.SVG()))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "script" {
			t.Error("a text became an element")
		}
	}
	if text := m.Mermaid(); strings.Contains(text, `"]<`) || strings.Contains(text, "`") || strings.Count(text, "<script") > 0 {
		t.Errorf("a text ends its quotes:\n%s", text)
	}
	graphviz(t, m.Dot())
}

// TestGraphvizReads gives what is written to Graphviz.
func TestGraphvizReads(t *testing.T) {
	graphviz(t, read(t, platform(t)).Dot())
	graphviz(t, read(t, grown(t, 40)).Dot())
}

// graphviz wants Graphviz to understand a drawing; without it the test says
// that it was not asked.
func graphviz(t *testing.T, text string) {
	t.Helper()
	path, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("dot is not on PATH (apt-get install graphviz): whether Graphviz reads it was not tested")
	}
	cmd := exec.CommandContext(t.Context(), path, "-Tplain")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "graph ") {
		t.Errorf("Graphviz: %v\n%s\n%s", err, out, text)
	}
}

// With the managed service there are no hosts of PostgreSQL: the database is in
// its subnet, and the picture says who runs it.
func TestManagedDatabase(t *testing.T) {
	facts := platform(t)
	facts.Hosts = slices.DeleteFunc(facts.Hosts, func(h inventory.Host) bool { return h.Layer == "postgresql" })
	facts.Resources = append(facts.Resources, Resource{
		Address: "module.postgresql.aws_db_instance.this[0]", Type: "aws_db_instance",
		Attributes: []byte(`{"id":"db-ABC","identifier":"infra-cloud-postgresql","availability_zone":"eu-west-1b","instance_class":"db.m6i.large","multi_az":true}`),
	})
	m := read(t, facts)
	found := ""
	for _, zone := range m.Zones {
		for _, subnet := range zone.Subnets {
			for _, thing := range subnet.Things {
				if thing.Kind == KindDatabase {
					found = fmt.Sprintf("%s of %s in %s, %s", thing.Name, zone.Name, subnet.Purpose, thing.Detail)
				}
			}
		}
	}
	if want := "infra-cloud-postgresql of eu-west-1b in database, db.m6i.large, standby in another zone"; found != want {
		t.Errorf("found %q, want %q", found, want)
	}
	if len(m.Links) > 0 || !slices.ContainsFunc(m.Layers, func(l Layer) bool { return l.Name == "postgresql" && strings.HasPrefix(l.Says, "managed by RDS") }) {
		t.Errorf("links %v, layers %v", m.Links, m.Layers)
	}
	for name, picture := range map[string]string{"svg": m.SVG(), "mermaid": m.Mermaid(), "dot": m.Dot()} {
		if !strings.Contains(picture, "infra-cloud-postgresql") || strings.Contains(picture, "postgresql-1") {
			t.Errorf("the picture as %s has no managed database, or hosts that are none", name)
		}
	}
}

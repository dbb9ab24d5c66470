package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"infra/internal/topology"
)

func platformMap(t *testing.T) *topology.Map {
	t.Helper()
	raw, err := os.ReadFile("../topology/testdata/platform.json")
	if err != nil {
		t.Fatal(err)
	}
	var facts topology.Facts
	if err := json.Unmarshal(raw, &facts); err != nil {
		t.Fatal(err)
	}
	m, err := topology.Read(facts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGraphPage(t *testing.T) {
	m := platformMap(t)
	m.Observe(topology.Observed{
		Nodes:  map[string]topology.Node{"zookeeper-1": {Problem: "down " + hostile}, "zookeeper-2": {Role: "leader"}},
		Layers: []topology.Layer{{Name: "zookeeper", Says: "degraded " + hostile, Bad: true}},
		Alarms: map[string]string{"infra-cloud-zookeeper-1-cpu": "ALARM"},
	})
	text := render(t, GraphPage(m, time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)))
	for _, want := range []string{"<svg", `<td class="bad">ALARM</td>`, "<td>leader</td>", `<p class="verdict bad">`, "down &lt;script&gt;", "The role of zookeeper-1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if strings.Contains(text, "<script") {
		t.Error("a text became markup")
	}
}

// TestStandalone: a picture as a file is XML, has the page's colours, and
// needs nothing else.
func TestStandalone(t *testing.T) {
	svg, err := Standalone(platformMap(t).SVG())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<svg xmlns="http://www.w3.org/2000/svg" viewBox=`, "prefers-color-scheme: dark", "<title>Environment cloud</title>", "<desc>Network 10.78.0.0/16"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Standalone(`<svg><script>x</script></svg>`); err == nil {
		t.Error("a script got through")
	}
}

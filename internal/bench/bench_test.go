package bench_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/bench"
)

// The test binary is what is measured: with HOLD set it starts itself again,
// which takes memory and works for a while.
func TestMain(m *testing.M) {
	switch os.Getenv("HOLD") {
	case "":
		os.Exit(m.Run())
	case "parent":
		cmd := exec.CommandContext(context.Background(), os.Args[0])
		cmd.Env = append(os.Environ(), "HOLD=child")
		if cmd.Run() != nil {
			os.Exit(1)
		}
	case "child":
		held := make([]byte, 100<<20)
		for until := time.Now().Add(600 * time.Millisecond); time.Now().Before(until); {
			for i := 0; i < len(held); i += 4096 {
				held[i]++
			}
		}
	case "fail":
		_, _ = os.Stderr.WriteString("no room")
		os.Exit(3)
	}
}

func TestRunCountsWhatIsStarted(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HOLD=parent")
	s, err := bench.Run(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if s.Seconds < 0.6 || s.CPU <= 0.05 || s.Memory < 100 || s.Memory > 400 {
		t.Errorf("a child that works for 0.6 s with 100 MiB was measured as %+v", s)
	}
}

func TestRunTellsWhatFailed(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HOLD=fail")
	if _, err := bench.Run(cmd); err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no room") {
		t.Errorf("error: %v", err)
	}
}

func report() bench.Report {
	r := bench.Report{Schema: bench.Schema, Machine: "2 cores", Notes: []string{"terragrunt <none>"}, Rows: []bench.Row{}}
	for _, seconds := range []float64{4, 2, 12} {
		r.Measured("unchanged plan", "infra", bench.Sample{Seconds: seconds, CPU: 3, Memory: 900})
		r.Measured("unchanged plan", "terraform", bench.Sample{Seconds: 2 * seconds, CPU: 4, Memory: 800})
	}
	r.Measured("output", "infra", bench.Sample{Seconds: 0.1, CPU: 0.1, Memory: 30})
	r.Measured("output", "infra", bench.Sample{Seconds: 0.3, CPU: 0.1, Memory: 30})
	return r
}

func TestMedian(t *testing.T) {
	t.Parallel()
	r := report()
	if got := r.Of("unchanged plan")[1].Median().Seconds; got != 8 {
		t.Errorf("the median of 8, 4 and 24 is %v", got)
	}
	if got := r.Of("output")[0].Median().Seconds; math.Abs(got-0.2) > 1e-9 {
		t.Errorf("the median of 0.1 and 0.3 is %v", got)
	}
	if got := (bench.Sample{Seconds: 1, CPU: 2, Memory: 3}).Add(bench.Sample{Seconds: 1, CPU: 1, Memory: 2}); got != (bench.Sample{Seconds: 2, CPU: 3, Memory: 3}) {
		t.Errorf("one after the other: %+v", got)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "reports", "bench")
	if err := report().Write(dir); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	text := read("bench.txt")
	for _, want := range []string{"8.00 s  2.00 x", "4.00 s  1.00 x", "900 MiB", "note: terragrunt <none>"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	var back bench.Report
	if err := json.Unmarshal([]byte(read("bench.json")), &back); err != nil || len(back.Rows) != 3 || len(back.Rows[0].Samples) != 3 {
		t.Errorf("data: %+v, %v", back, err)
	}
	bars := 0
	for picture := xml.NewDecoder(strings.NewReader(read("bench.svg"))); ; {
		token, err := picture.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 1+3*3 { // the ground, and three rows by three measures
		t.Errorf("%d bars", bars)
	}
}

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const oneOfMany = `extends: base
account: "%012d"
products: {pipeline: {zookeeper: {size: %d}}}
`

// Of many environments each file is read once, and the matrix looks nothing up
// by going through all of it: what takes a second took minutes.
func TestDiffOfMany(t *testing.T) {
	const many, limit = 250, 10 * time.Second
	project := t.TempDir()
	files := map[string]string{
		"terraform/.keep":        "",
		"environments/base.yaml": "region: eu-west-1\nemulated: true\nendpoint: http://127.0.0.1:9\nproducts: {pipeline: {vpc: {cidr: 10.1.0.0/16, bastion_allowed_cidrs: [192.0.2.0/24]}}}\n",
	}
	for i := range many {
		files[fmt.Sprintf("environments/c%03d.yaml", i)] = fmt.Sprintf(oneOfMany, 100000000000+i, 3+2*(i%2))
	}
	for name, text := range files {
		path := filepath.Join(project, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g, began := quiet(), worked(t)
	g.dir = project
	if err := runDiff(t.Context(), g, nil, diffOptions{all: true, offline: true}); !errors.Is(err, errDifferences) {
		t.Fatal(err)
	}
	if took := worked(t) - began; took > limit {
		t.Errorf("%d environments took %s of the processor, more than %s", many, took, limit)
	}
}

// worked is how long the processor has worked for this process, however busy
// the machine is with others.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano())
}

//go:build endtoend

package report_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// axe-core finds what keeps people from reading a page. It is the npm package,
// whose archive must have this digest.
const (
	axePackage = "axe-core@4.10.3"
	axeSHA512  = "Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
)

// violation is what axe-core finds.
type violation struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

func (v violation) String() string {
	text, err := json.Marshal(v)
	if err != nil {
		return v.ID
	}
	return string(text)
}

const axeRun = `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + n.failureSummary)})))`

// axeSource is axe-core's script, fetched once by npm.
func axeSource(t *testing.T, top string) string {
	t.Helper()
	dir := filepath.Join(top, ".infra", "npm")
	archive := filepath.Join(dir, strings.ReplaceAll(axePackage, "@", "-")+".tgz")
	if _, err := os.Stat(archive); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "npm", "pack", axePackage, "--pack-destination", dir, "--ignore-scripts").CombinedOutput()
		if err != nil {
			t.Fatalf("npm pack %s: %v (apt-get install npm, where it is missing)\n%s", axePackage, err, out)
		}
	}
	packed, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != axeSHA512 {
		t.Fatalf("%s is not %s: remove it and see where it came from", archive, axePackage)
	}
	unpacked, err := gzip.NewReader(strings.NewReader(string(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unpacked); ; {
		header, err := files.Next()
		if err != nil {
			t.Fatalf("the package has no axe.min.js: %v", err)
		}
		if header.Name == "package/axe.min.js" {
			source, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(source)
		}
	}
}

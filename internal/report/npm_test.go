//go:build endtoend

package report_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// npmPackage is a package of npm, whose archive must have this digest.
type npmPackage struct{ name, sha512 string }

// file is a file of the package, fetched once by npm.
func (p npmPackage) file(t *testing.T, path string) string {
	t.Helper()
	dir, err := filepath.Abs("../../.infra/npm")
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, strings.ReplaceAll(p.name, "@", "-")+".tgz")
	if _, err := os.Stat(archive); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "npm", "pack", p.name, "--pack-destination", dir, "--ignore-scripts").CombinedOutput()
		if err != nil {
			t.Fatalf("npm pack %s: %v (apt-get install npm, where it is missing)\n%s", p.name, err, out)
		}
	}
	packed, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != p.sha512 {
		t.Fatalf("%s is not %s: remove it and see where it came from", archive, p.name)
	}
	unpacked, err := gzip.NewReader(strings.NewReader(string(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unpacked); ; {
		header, err := files.Next()
		if err != nil {
			t.Fatalf("%s has no %s: %v", p.name, path, err)
		}
		if header.Name == "package/"+path {
			source, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(source)
		}
	}
}

package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/bundle"
	"infra/internal/fault"
)

// file is one in a forged archive.
type file struct {
	name string
	text string
	kind byte
	link string
}

// forged packs files as an attacker may.
func forged(t testing.TB, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	archive := tar.NewWriter(packed)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.text)), Mode: 0o777, Linkname: f.link}
		if f.kind != 0 {
			h.Typeflag = f.kind
		}
		if err := archive.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// parts takes a bundle apart.
func parts(t testing.TB, path string) []file {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	packed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for archive := tar.NewReader(packed); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{name: h.Name, text: string(text)})
	}
}

func TestRow31Tampered(t *testing.T) {
	made := written(t)
	whole, right := read(t, made.Path), parts(t, made.Path)
	swap := func(from, to string) []byte { // in the manifest
		files := slices.Clone(right)
		if !strings.Contains(files[0].text, from) {
			t.Fatalf("the manifest lacks %s", from)
		}
		files[0].text = strings.ReplaceAll(files[0].text, from, to)
		return forged(t, files)
	}
	with := func(i int, f file) []byte {
		files := slices.Clone(right)
		files[i] = f
		return forged(t, files)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	sum := made.Stacks[1].SHA256
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"a plan", with(2, file{name: "pipeline.tfplan", text: "evil"}), "the plan of pipeline is not the one that its manifest names"},
		{"a bit", flipped, ""},
		{"cut off", whole[:len(whole)-20], "damaged"},
		{"cut off before the checksum", whole[:len(whole)-8], "damaged"},
		{"another checksum", append(slices.Clone(whole[:len(whole)-8]), 0, 0, 0, 0, 0, 0, 0, 0), "damaged"},
		{"appended", append(slices.Clone(whole), 'x'), "something follows"},
		{"twice", append(slices.Clone(whole), whole...), "something follows"},
		{"no gzip", []byte("hello"), "it is no bundle"},
		{"nothing", nil, "it is no bundle"},
		{"an empty archive", forged(t, nil), "it lacks manifest.json"},
		{"no manifest", forged(t, right[1:]), `holds "baseline.tfplan" where manifest.json should be`},
		{"no JSON", with(0, file{name: "manifest.json", text: "x"}), "no JSON of a manifest"},
		{"an empty manifest", with(0, file{name: "manifest.json"}), "has 0 bytes"},
		{"an empty plan", with(1, file{name: "baseline.tfplan"}), "has 0 bytes"},
		{"a plan missing", forged(t, right[:2]), "it lacks pipeline.tfplan"},
		{"a plan too many", forged(t, append(slices.Clone(right), file{name: "x", text: "x"})), "more than its manifest names"},
		{"a plan twice", forged(t, append(slices.Clone(right), right[1])), "more than its manifest names"},
		{"out of order", forged(t, []file{right[0], right[2], right[1]}), `holds "pipeline.tfplan" where baseline.tfplan should be`},
		{"a symlink", with(1, file{name: "baseline.tfplan", kind: tar.TypeSymlink, link: "/etc/passwd"}), "no regular file"},
		{"a folder", with(1, file{name: "baseline.tfplan", kind: tar.TypeDir}), "no regular file"},
		{"a way out", with(1, file{name: "../baseline.tfplan", text: "x"}), "where baseline.tfplan should be"},
		{"a way out in the manifest", swap(`"file": "baseline.tfplan"`, `"file": "../baseline.tfplan"`), "the plan file of baseline is"},
		{"a product with a way out", swap(`"product": "baseline"`, `"product": "../baseline"`), "a stack's product is named"},
		{"the same product twice", swap(`"product": "unchanged"`, `"product": "baseline"`), "holds the product baseline twice"},
		{"another digest", swap(sum, strings.Repeat("0", 64)), "is not the one that its manifest names"},
		{"no digest", swap(sum, ""), "the plan file of pipeline is"},
		{"another format", swap("infra/bundle/v1", "infra/bundle/v2"), `its format is "infra/bundle/v2"`},
		{"an environment with a way out", swap(`"prod"`, `"../x"`), "its environment is named"},
		{"an account", swap("111111111111", "1"), "its account is"},
		{"a region", swap("eu-west-1", "eu west"), "its region is"},
		{"a run with a way out", swap("20260301T120000Z-1f2e3d", "../x"), "its run is"},
		{"a commit", swap(strings.Repeat("c", 40), "HEAD"), "its commit is"},
		{"no time to live", swap("2026-03-01T16:00:00Z", "2026-03-01T11:00:00Z"), "it lives from"},
	} {
		t.Run("row 31: "+c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x.bundle")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			into := filepath.Join(dir, "into")
			if err := os.Mkdir(into, 0o700); err != nil {
				t.Fatal(err)
			}
			_, err := bundle.Open(path, into)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want %q", err, c.says)
			}
			if fault.CodeOf(err) != fault.Refused || !strings.Contains(fault.HintOf(err), "infra plan ENV --out") {
				t.Errorf("code %d, hint %q", fault.CodeOf(err), fault.HintOf(err))
			}
			if left, _ := os.ReadDir(into); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
			if all, _ := os.ReadDir(dir); len(all) != 2 {
				t.Errorf("it wrote outside: %v", all)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	made := written(t)
	dir := t.TempDir()
	if _, err := bundle.Open(filepath.Join(dir, "none"), dir); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: %v", err)
	}
	if _, err := bundle.Open(dir, dir); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := bundle.Open(made.Path, filepath.Join(dir, "none")); fault.CodeOf(err) != fault.Failed {
		t.Errorf("nowhere to put it: %v", err)
	}
	// What is there already is kept.
	mine := filepath.Join(dir, "pipeline.tfplan")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Open(made.Path, dir); err == nil || string(read(t, mine)) != "mine" {
		t.Errorf("over a file: %v", err)
	}
}

// A few hundred KiB may unpack to many GiB.
func TestOpenIsBounded(t *testing.T) {
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	archive := tar.NewWriter(packed)
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Size: 33 << 20, Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(archive, zeros{}, 33<<20); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bomb")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Open(path, t.TempDir()); fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "the limit is") {
		t.Errorf("error %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

package git

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/fault"
)

// put writes files (text) or removes them (empty) and commits.
func (r repository) put(files map[string]string, message string) string {
	r.t.Helper()
	for name, text := range files {
		if text == "" {
			r.git("rm", "-q", "--", name)
			continue
		}
		r.write(name, text)
	}
	r.git("add", "--all")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

func TestSince(t *testing.T) {
	author(t)
	r := local(t)
	first := r.put(map[string]string{"sub/a": "1", "sub/b": "1", "other": "1"}, "first")
	r.git("switch", "-qc", "topic")
	r.put(map[string]string{"sub/a": "2", "sub/b": "", "sub/ü \"x\"": "1", "other": "2"}, "topic\n\nInfra-Removed: acme\nInfra-Removed: zeta")
	r.git("switch", "-q", "main")
	moved := r.put(map[string]string{"sub/c": "1"}, "main moves on")
	r.git("switch", "-q", "topic")
	sub := filepath.Join(r.dir, "sub")
	for name, c := range map[string]struct {
		base          string
		forked        bool
		want, deleted string
		from          string
	}{
		"what the branch changed":    {"main", true, "a b ü \"x\"", "b", first},
		"what is not as in the base": {"main", false, "a b c ü \"x\"", "b c", moved},
		"since itself":               {"HEAD", true, "", "", r.git("rev-parse", "HEAD")},
		"before the first push":      {strings.Repeat("0", 40), true, "a ü \"x\"", "", ""},
	} {
		got, err := Since(t.Context(), sub, c.base, c.forked)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if strings.Join(got.Paths, " ") != c.want || strings.Join(got.Deleted, " ") != c.deleted || got.Base != c.from {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, base := range []string{"none", "--output=x", strings.Repeat("a", 40)} {
		if _, err := Since(t.Context(), sub, base, true); fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "--base") {
			t.Errorf("since %s: %v", base, err)
		}
	}
	names, err := Trailers(t.Context(), sub, first, "Infra-Removed")
	if err != nil || !slices.Equal(names, []string{"acme", "zeta"}) {
		t.Errorf("trailers %q, %v", names, err)
	}
}

// TestSinceWithLongIDs does it in a repository whose ids are SHA-256.
func TestSinceWithLongIDs(t *testing.T) {
	author(t)
	r := repository{t: t, dir: t.TempDir()}
	r.git("init", "-q", "--object-format=sha256")
	first := r.put(map[string]string{"a": "1", "b": "1"}, "first")
	if len(first) != 64 {
		t.Fatalf("the commit is %s", first)
	}
	r.put(map[string]string{"b": "", "c": "1"}, "second")
	for base, want := range map[string]string{strings.Repeat("0", 64): "a c", first: "b c"} {
		if got, err := Since(t.Context(), r.dir, base, false); err != nil || strings.Join(got.Paths, " ") != want {
			t.Errorf("since %s: %+v, %v", base, got, err)
		}
	}
	if digest, err := Digest(t.Context(), r.dir, func(string) bool { return true }); err != nil || len(digest) != 64 {
		t.Errorf("the digest is %q, %v", digest, err)
	}
}

// TestDigest makes the same content in several ways: by a merge, by one
// commit in their place, beside files that do not count.
func TestDigest(t *testing.T) {
	author(t)
	r := local(t)
	r.put(map[string]string{"sub/a": "1"}, "first")
	sub := filepath.Join(r.dir, "sub")
	digest := func() string {
		t.Helper()
		got, err := Digest(context.Background(), sub, func(path string) bool { return strings.HasPrefix(path, "a") })
		if err != nil || len(got) != 64 {
			t.Fatalf("%q, %v", got, err)
		}
		return got
	}
	before := digest()
	r.git("switch", "-qc", "topic")
	r.put(map[string]string{"sub/a": "2"}, "topic")
	r.put(map[string]string{"sub/a2": "2"}, "topic again")
	topic := digest()
	if topic == before {
		t.Fatal("another content has the same digest")
	}
	r.git("switch", "-q", "main")
	r.put(map[string]string{"sub/b": "1", "a": "outside"}, "what does not count")
	if digest() != before {
		t.Error("a file that does not count changes the digest")
	}
	r.git("switch", "-qc", "merged")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
	if digest() != topic {
		t.Error("a merge has another digest")
	}
	r.git("switch", "-q", "main")
	r.git("merge", "-q", "--squash", "topic")
	r.git("commit", "-qm", "squash")
	if digest() != topic {
		t.Error("a squash has another digest")
	}
	if err := os.Chmod(filepath.Join(sub, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.put(nil, "another mode")
	if digest() == topic {
		t.Error("another mode has the same digest")
	}
}

func TestExport(t *testing.T) {
	author(t)
	r := local(t)
	commit := r.put(map[string]string{"sub/environments/a.yaml": "x: 1\n", "sub/other": "1"}, "first")
	r.put(map[string]string{"sub/environments/a.yaml": ""}, "second")
	to := t.TempDir()
	if err := Export(t.Context(), filepath.Join(r.dir, "sub"), commit, "environments", to); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(to, "environments", "a.yaml")); err != nil || string(data) != "x: 1\n" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(to, "other")); err == nil {
		t.Error("more than the folder was written")
	}
}

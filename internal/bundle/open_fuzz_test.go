package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// Whatever an archive holds, it is refused as a bad one, or what comes out of
// it is one file for each plan that its manifest names.
func FuzzUnpack(f *testing.F) {
	const sum = "64879f7d6b960a01909762d911a32d4582c20010c5641ee90278b644a9e3b525" // of "plan"
	const text = `{"schema":"infra/bundle/v1","environment":"prod","account":"111111111111","region":"eu-west-1","run":"r",
"created":"2026-03-01T12:00:00Z","expires":"2026-03-01T16:00:00Z","stacks":[{"product":"baseline","file":"baseline.tfplan","sha256":"` + sum + `"}]}`
	f.Add([]byte(text), "baseline.tfplan", []byte("plan"))
	f.Add([]byte(strings.ReplaceAll(text, "baseline", "../x")), "../x.tfplan", []byte("plan"))
	f.Add([]byte(`{"schema":"infra/bundle/v1"}`), "x", []byte{})
	f.Fuzz(func(t *testing.T, manifest []byte, name string, plan []byte) {
		var packed bytes.Buffer
		archive := tar.NewWriter(&packed)
		for _, part := range []struct {
			name string
			data []byte
		}{{manifestName, manifest}, {name, plan}} {
			if archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: part.name, Size: int64(len(part.data)), Mode: 0o600}) != nil {
				t.Skip() // a name that no archive can hold
			}
			if _, err := archive.Write(part.data); err != nil {
				t.Fatal(err)
			}
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		var names []string
		m, err := unpack(tar.NewReader(&packed), func(name string) (io.WriteCloser, error) {
			names = append(names, name)
			return nowhere{}, nil
		})
		var bad *badError
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("refused by %v", err)
		}
		if err == nil && (len(names) != 1 || names[0] != name) {
			t.Errorf("%+v gave %q", m, names)
		}
		for _, name := range names {
			if strings.ContainsAny(name, `/\`) || !strings.HasSuffix(name, ".tfplan") {
				t.Errorf("a file is named %q", name)
			}
		}
	})
}

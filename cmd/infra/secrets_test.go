package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// leaks looks for secrets in everything that a run leaves or shows.
type leaks struct {
	project string
	secrets map[string]string // what it is, to its value

	mu    sync.Mutex
	found map[string]string // where, to what
	seen  int               // processes that were looked at
}

// look searches one artefact.
func (l *leaks) look(where string, data []byte) {
	for what, secret := range l.secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if bytes.Contains(data, []byte(form)) {
				l.note(where, what)
			}
		}
	}
}

func (l *leaks) note(where, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found == nil {
		l.found = map[string]string{}
	}
	l.found[where] = what
}

// report fails the test for every leak.
func (l *leaks) report(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for where, what := range l.found {
		t.Errorf("%s holds %s", where, what)
	}
}

// files searches what infra keeps below .infra, and wants nothing there to be
// readable by others, nor any file that holds secrets by its nature. What
// `doctor --install` puts there is no artefact of a run.
func (l *leaks) files(t *testing.T) {
	t.Helper()
	top := filepath.Join(l.project, ".infra")
	for _, kept := range []string{"runs", "data"} {
		err := filepath.WalkDir(filepath.Join(top, kept), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(path, top+"/")
			if info.Mode()&fs.ModeSymlink != 0 {
				return nil // a provider, linked from the mirror
			}
			if open := info.Mode().Perm() & 0o077; open != 0 {
				t.Errorf("others may read .infra/%s: %v", name, info.Mode())
			}
			for _, secretive := range []string{".tfplan", ".tfvars.json", "variables.json", "lease.json", ".bundle", ".tfstate.backup"} {
				if strings.HasSuffix(name, secretive) {
					t.Errorf(".infra/%s is still there after the run", name)
				}
			}
			l.look("the name .infra/"+name, []byte(name))
			if !info.Mode().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(path)
			l.look(".infra/"+name, data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// objects searches every version of every object in the state bucket but the
// states, whose nature is to hold what Terraform knows, and bundles, which
// hold plans: those must be encrypted with the environment's key. It tells how
// many it has searched.
func (l *leaks) objects(t *testing.T, client *s3.Client, bucket string) (searched int) {
	t.Helper()
	out, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range out.Versions {
		got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: version.Key, VersionId: version.VersionId})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(got.Body)
		if closing := got.Body.Close(); err != nil || closing != nil {
			t.Fatal(err, closing)
		}
		if strings.HasSuffix(*version.Key, ".tfstate") || strings.HasPrefix(*version.Key, "bundles/") {
			if got.ServerSideEncryption != "aws:kms" {
				t.Errorf("s3 %s is encrypted by %q", *version.Key, got.ServerSideEncryption)
			}
			continue
		}
		searched++
		l.look("s3 "+*version.Key, data)
	}
	return searched
}

// watch samples the arguments and the environments of the project's processes
// until the context ends. infra's own environment is the caller's and does not
// count; what it starts does.
func (l *leaks) watch(ctx context.Context) {
	for ctx.Err() == nil {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return
		}
		for _, entry := range entries {
			if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != os.Getpid() {
				l.process(filepath.Join("/proc", entry.Name()))
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *leaks) process(dir string) {
	args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return // it has ended
	}
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil || !bytes.Contains(args, []byte(l.project)) && !bytes.Contains(env, []byte(l.project)) {
		return
	}
	l.mu.Lock()
	l.seen++
	l.mu.Unlock()
	name, _, _ := strings.Cut(string(args), "\x00")
	name = filepath.Base(name)
	l.look("the arguments of "+name, args)
	if !bytes.Contains(env, []byte(callersOwn)) {
		l.look("the environment of "+name, env)
	}
}

// callersOwn marks the environment of infra itself; no child may have it.
const callersOwn = "INFRA_TEST_CALLER=1"

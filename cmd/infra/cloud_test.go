package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/environment"
	"infra/internal/python"
	"infra/internal/run"
	"infra/internal/sandbox/emulator"
)

// testMain makes the test binary behave as infra itself.
const testMain = "INFRA_TEST_MAIN"

// cloudLimit bounds one command: this machine may be several times slower
// than the one that a test was written on.
const cloudLimit = 20 * time.Minute

// cloudAccount is the account of the shipped sandbox.
const cloudAccount = "123456789012"

// cloud is an emulator without hosts and a project of its own with an
// environment `cloud` in it: what commands need that stop before Ansible.
type cloud struct {
	project  string // folder with terraform/, ansible/ and environments/
	endpoint string // of the AWS API
	bucket   string // the environment's state bucket; made by `bootstrap` or `apply`
	emulator *emulator.Client
}

// newCloud starts an emulator and ends it with the test. Options change how
// the emulator runs.
func newCloud(t *testing.T, options ...func(*emulator.Options)) *cloud {
	t.Helper()
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin, err := python.Ensure(t.Context(), checkout, "moto", func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	o := emulator.Options{Dir: t.TempDir(), Python: bin, Port: cloudPort(t), Account: cloudAccount, PublicCIDR: "198.19.7.0/24"}
	for _, option := range options {
		option(&o)
	}
	process, err := emulator.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := &cloud{project: t.TempDir(), endpoint: process.Client().Endpoint(), emulator: process.Client()}
	for _, dir := range []string{"terraform", "ansible", "environments"} {
		if err := os.CopyFS(filepath.Join(c.project, dir), os.DirFS(filepath.Join(checkout, dir))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(c.project, ".infra"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"python", "terraform"} { // what `doctor --install` put there
		from := filepath.Join(checkout, ".infra", dir)
		if _, err := os.Stat(from); err != nil {
			continue // a suitable one is on PATH
		}
		if err := os.Symlink(from, filepath.Join(c.project, ".infra", dir)); err != nil {
			t.Fatal(err)
		}
	}
	c.write(t, "environments/cloud.yaml", fmt.Sprintf("extends: sandbox\nendpoint: %s\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.78.0.0/16\n", c.endpoint))
	env, err := environment.Load(c.project, "cloud")
	if err != nil {
		t.Fatal(err)
	}
	c.bucket = env.StateBucket()
	return c
}

// write puts a file into the project.
func (c *cloud) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(c.project, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command is infra with arguments, to be started by the caller: the test
// binary itself, in a process group of its own.
func (c *cloud) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{"-C", c.project}, args...)...)
	cmd.Env = append(os.Environ(), testMain+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 3 * time.Minute
	return cmd
}

// run calls infra and wants an exit code.
func (c *cloud) run(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
	defer cancel()
	cmd := c.command(ctx, args...)
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	started := time.Now()
	got := exitCode(t, cmd.Run())
	t.Logf("infra %s: exit %d after %s", strings.Join(args, " "), got, time.Since(started).Round(10*time.Millisecond))
	if got != code {
		t.Fatalf("infra %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, out.String(), errw.String())
	}
	return out.String(), errw.String()
}

// exitCode is that of a process that has ended; -1 when a signal ended it.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		t.Fatal(err)
		return 0
	}
}

// config is an SDK configuration for the emulator, as an operator who may do
// everything.
func (c *cloud) config(t *testing.T) aws.Config {
	t.Helper()
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(c.endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	}
}

// s3 is a client of the emulator's S3.
func (c *cloud) s3(t *testing.T) *s3.Client {
	t.Helper()
	return s3.NewFromConfig(c.config(t), func(o *s3.Options) { o.UsePathStyle = true })
}

// store is the environment's lease and ledger, opened anew.
func (c *cloud) store(t *testing.T) *run.Store {
	t.Helper()
	return run.NewStore(c.s3(t), c.bucket, cloudAccount, "cloud")
}

func cloudPort(t *testing.T) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", l.Addr())
	}
	return address.Port
}

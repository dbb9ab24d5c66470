package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"infra/internal/sandbox/proxy"
)

// behind puts a proxy that misbehaves between infra and the emulator.
func (c *cloud) behind(t *testing.T) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Start(c.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	c.write(t, "environments/cloud.yaml", "extends: sandbox\nendpoint: "+p.URL()+"\n")
	return p
}

// oneThing is a product with one resource whose value is given.
const oneThing = `resource "terraform_data" "one" { input = "first" }`

// TestRow11StateWriteFails lets S3 answer 503 to every write of the state:
// Terraform gives up, infra keeps what it could not save and says so, refuses
// to go on without it, and puts it back.
func TestRow11StateWriteFails(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.behind(t)
	c.tiny(t, oneThing)
	c.run(t, 0, applyTiny()...)
	before := c.stateVersions(t, baselineKey)

	c.tiny(t, strings.Replace(oneThing, "first", "second", 1))
	p.Rules(proxy.Rule{Method: "PUT", Path: regexp.MustCompile(`/terraform\.tfstate(\?|$)`), Do: proxy.Answer(503, "SlowDown")})
	_, stderr := c.run(t, 6, applyTiny()...)
	wantText(t, stderr, "next: infra state push-errored cloud", "503")
	kept, err := filepath.Glob(filepath.Join(c.project, ".infra", "runs", "cloud", "*", "*errored.tfstate"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept states: %v, %v", kept, err)
	}
	info, err := os.Stat(kept[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(c.project, "terraform", "products", "*", "errored.tfstate")); err != nil || len(left) > 0 {
		t.Errorf("left in the code: %v, %v", left, err)
	}

	p.Rules()
	_, stderr = c.run(t, 4, applyTiny()...)
	wantText(t, stderr, "next: infra state push-errored cloud")
	if got := c.stateVersions(t, baselineKey); len(got) != len(before) {
		t.Errorf("%d versions of the state, there were %d", len(got), len(before))
	}
	c.typed(t, "state", "push-errored", "cloud")
	if got := c.stateVersions(t, baselineKey); len(got) != len(before)+1 || got[0].serial <= before[0].serial || got[0].lineage != before[0].lineage {
		t.Errorf("versions of the state: %+v, there were %+v", got, before)
	}
	c.run(t, 0, planTiny()...)
	c.run(t, 0, applyTiny()...)
}

// typed runs a command, and then what it says to type, until it works.
func (c *cloud) typed(t *testing.T, args ...string) {
	t.Helper()
	said := ""
	for range hops {
		ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
		out, err := c.command(ctx, args...).CombinedOutput()
		cancel()
		if exitCode(t, err) == 0 {
			return
		}
		said += "$ infra " + strings.Join(args, " ") + "\n" + string(out)
		if args = hint(args, string(out)); len(args) == 0 {
			break
		}
	}
	t.Fatalf("it does not work:\n%s", said)
}

func wantText(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
	for _, bad := range []string{"goroutine ", "panic:", "runtime error"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in:\n%s", bad, text)
		}
	}
}

// TestRow12SlowS3 makes every write of the state slow, for longer than
// several beats of the heart: the lease lives on, there is a word about the
// progress, and it ends well.
func TestRow12SlowS3(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.behind(t)
	c.tiny(t, oneThing)
	c.run(t, 0, "bootstrap", "cloud")
	const slow = 25 * time.Second // a beat is 10 seconds
	p.Rules(
		proxy.Rule{Service: "s3", Do: proxy.Delay(20 * time.Millisecond)},
		proxy.Rule{Method: "PUT", Path: regexp.MustCompile(`/terraform\.tfstate(\?|$)`), Count: 1, Do: proxy.Delay(slow)},
	)
	_, stderr := c.run(t, 0, applyTiny()...)
	beats, first, last := 0, time.Time{}, time.Time{}
	for _, request := range p.Requests() {
		if request.Method == "PUT" && strings.Contains(request.Path, "/leases/cloud.json") {
			if beats++; first.IsZero() {
				first = request.Time
			}
			last = request.Time
		}
	}
	// Taken, two or more beats, given back.
	if beats < 4 || last.Sub(first) < slow {
		t.Errorf("the lease was written %d times within %s", beats, last.Sub(first))
	}
	wantText(t, stderr, "baseline/cloud: applying", "still at it")
	c.run(t, 0, planTiny()...)
}

// An S3 that says nothing, resets or breaks off is an error in bounded time
// that names the thing and what to do, before anything has begun.
func TestRow12SilentS3(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.behind(t)
	c.tiny(t, oneThing)
	c.run(t, 0, applyTiny()...)
	c.tiny(t, strings.Replace(oneThing, "first", "second", 1))
	versions := len(c.stateVersions(t, baselineKey))
	for name, fault := range map[string]proxy.Fault{
		"stall": proxy.Stall(0), "reset": proxy.Reset(), "cut": proxy.Cut(20), "500": proxy.Answer(500, "InternalError"), "503": proxy.Answer(503, "SlowDown"),
	} {
		for _, path := range []string{`/leases/cloud\.json`, `/runs/cloud/head\.json`} {
			p.Rules(proxy.Rule{Path: regexp.MustCompile(path), Do: fault})
			started := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
			out, err := c.command(ctx, applyTiny()...).CombinedOutput()
			cancel()
			code := exitCode(t, err)
			t.Logf("%s of %s: exit %d after %s", name, path, code, time.Since(started).Round(time.Second))
			if code != 1 && code != 4 {
				t.Errorf("%s of %s: exit %d\n%s", name, path, code, out)
			}
			if name != "cut" || code != 0 {
				wantText(t, string(out), "error: ", "next: ")
			}
			if took := time.Since(started); took > 2*time.Minute {
				t.Errorf("%s of %s: it took %s", name, path, took)
			}
		}
	}
	p.Rules()
	if got := len(c.stateVersions(t, baselineKey)); got != versions {
		t.Errorf("%d versions of the state, there were %d", got, versions)
	}
	c.typed(t, applyTiny()...)
}

// A lost answer is no lost lease and no lost record: what S3 has done is
// found out, and the run goes on.
func TestRow23LostAnswersOfARun(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.behind(t)
	c.tiny(t, oneThing)
	c.run(t, 0, "bootstrap", "cloud")
	p.Rules(
		proxy.Rule{Method: "PUT", Path: regexp.MustCompile(`/leases/cloud\.json`), Count: 1, Do: proxy.Lose()},
		proxy.Rule{Method: "PUT", Path: regexp.MustCompile(`/runs/cloud/.*begin\.json`), Count: 1, Do: proxy.Lose()},
		proxy.Rule{Method: "PUT", Path: regexp.MustCompile(`/runs/cloud/head\.json`), Count: 1, Do: proxy.Lose()},
		proxy.Rule{Method: "PUT", Path: regexp.MustCompile(`/runs/cloud/.*end\.json`), Count: 1, Do: proxy.Lose()},
	)
	c.run(t, 0, applyTiny()...)
	var lost []string
	for _, request := range p.Requests() {
		if request.Fault != "" {
			lost = append(lost, request.Path)
		}
	}
	if len(lost) != 4 {
		t.Errorf("answers were lost to %q", lost)
	}
	c.run(t, 0, planTiny()...)
}

// TestRow29KeyCannotBeUsed disables the key of the state bucket, or gives it
// up: that is said before anything has begun.
func TestRow29KeyCannotBeUsed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tiny(t, oneThing)
	c.run(t, 0, applyTiny()...)
	c.tiny(t, strings.Replace(oneThing, "first", "second", 1))
	client := kms.NewFromConfig(c.config(t))
	key := aws.String("alias/infra-state")
	described, err := client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: key})
	if err != nil {
		t.Fatal(err)
	}
	id := described.KeyMetadata.KeyId
	runs := func() int {
		found, err := filepath.Glob(filepath.Join(c.project, ".infra", "runs", "cloud", "*", "*-apply.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	before, versions := runs(), len(c.stateVersions(t, baselineKey))
	refused := func(what, word string) {
		t.Helper()
		var said bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
		defer cancel()
		cmd := c.command(ctx, applyTiny()...)
		cmd.Stderr = &said
		if code := exitCode(t, cmd.Run()); code != 3 && code != 1 {
			t.Errorf("%s: exit %d\n%s", what, code, said.String())
		}
		wantText(t, said.String(), word, "next: ")
		if runs() != before || len(c.stateVersions(t, baselineKey)) != versions {
			t.Errorf("%s: something has begun", what)
		}
	}
	if _, err := client.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	refused("disabled", "disabled")
	if _, err := client.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	refused("pending deletion", "deletion")
	if _, err := client.CancelKeyDeletion(t.Context(), &kms.CancelKeyDeletionInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	c.run(t, 0, applyTiny()...)
}

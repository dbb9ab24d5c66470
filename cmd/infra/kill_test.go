package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// fewKills is how often `make test` kills; KILLS says another number.
	fewKills = 3
	// killSpan is about how long an apply of everything takes.
	killSpan = 60 * time.Second
	// busySpan is when most resources are made, after the first change.
	busySpan = 10 * time.Second
	// wholeEvery is after how many kills the product is applied to its end.
	wholeEvery = 10
	// hops bounds how many commands a person is told to type in a row.
	hops = 6

	baselineKey = "baseline/cloud/terraform.tfstate"
)

// killing is one suite of kills in one cloud.
type killing struct {
	*cloud
	random *rand.Rand
	before map[thing]bool          // what was in the account at the start
	states map[string]stateVersion // every version of the state ever seen
	serial uint64                  // of the newest
	allow  []string                // flags that the next apply was told to add
	tally  tally
}

// tally is what the closing line says.
type tally struct {
	kills, refused, orphans int
}

// TestRow01Row02Kills really kills runs of the shipped baseline at random
// moments: infra, its supervisor, Terraform, the provider, or all of them at
// once. After each the next `infra apply` either works or says what to type,
// and typing exactly that does it: nothing that was made is unknown to both
// the state and recover, and no version of the state is lost.
func TestRow01Row02Kills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	kills := fewKills
	if text := os.Getenv("KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	started := time.Now()
	k := &killing{cloud: newCloud(t), random: rand.New(rand.NewPCG(20261122, 58)), states: map[string]stateVersion{}}
	k.cloud.run(t, 0, "bootstrap", "cloud")
	k.before = k.things(t)
	for k.tally.kills < kills {
		verb := "apply"
		if n := len(k.inState(t, baselineKey)); n > 20 || n > 10 && k.random.IntN(2) == 0 {
			verb = "destroy"
		}
		if !k.round(t, verb, kills) {
			k.tell("%s: it ended before the kill", verb)
		} else if k.tally.kills%wholeEvery == 0 {
			k.whole(t)
		}
	}
	k.tell("%d of %d: %d runs needed recover, %d orphans listed and put right, none missed; %d versions of the state, none lost; %s",
		k.tally.kills, kills, k.tally.refused, k.tally.orphans, len(k.states), time.Since(started).Round(time.Second))
}

// tell writes a line at once: `make faults` shows those that begin with
// "kill".
func (k *killing) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, "kill "+format+"\n", args...)
}

// arguments of the two commands that change something.
func arguments(verb string) []string {
	if verb == "destroy" {
		return []string{"destroy", "cloud", "--product", "baseline", "--confirm", "cloud"}
	}
	return []string{"apply", "cloud", "--product", "baseline", "--auto-approve"}
}

// round kills one run and puts right what it left; false when the run ended
// first.
func (k *killing) round(t *testing.T, verb string, kills int) bool {
	t.Helper()
	target := []string{partInfra, partSupervisor, partTerraform, "", partProvider}[k.tally.kills%5]
	// Two of three moments lie where most is made.
	early := verb == "destroy" || k.random.IntN(3) > 0
	moment := time.Duration(k.random.Float64() * float64(killSpan))
	if early {
		moment = time.Duration(k.random.Float64() * float64(busySpan))
	}
	ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
	defer cancel()
	typed := arguments(verb)
	if verb == "apply" {
		typed, k.allow = append(typed, k.allow...), nil
	}
	run := k.command(ctx, typed...)
	said := &transcript{}
	run.Stdout, run.Stderr = said, said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	running, over := context.WithCancel(ctx)
	go func() {
		ended <- run.Wait()
		over()
	}()
	began := time.Now()
	if early {
		said.await(running, ": applying")
	}
	select {
	case err := <-ended:
		k.unkilled(t, typed, exitCode(t, err), said.String())
		return false
	case <-time.After(moment):
	}
	for k.kill(t, target) == 0 { // not begun yet, or in between two commands
		if running.Err() != nil {
			k.unkilled(t, typed, exitCode(t, <-ended), said.String())
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	after := time.Since(began)
	code := exitCode(t, <-ended)
	k.quiet(t)
	if survived := target != "" && target != partInfra; survived && code != 0 && (code < 0 || !strings.Contains(said.String(), "next: ")) {
		t.Errorf("%s was killed: infra ends with %d and does not say what next:\n%s", target, code, said)
	}
	k.tally.kills++
	commands, orphans := k.putRight(t, said.String())
	k.versions(t)
	k.tell("%2d of %d: %s of %s after %s: then %s: %d things in the state, %d orphans listed", k.tally.kills, kills,
		cmp.Or(target, "all"), verb, after.Round(100*time.Millisecond), strings.Join(commands, ", "), len(k.inState(t, baselineKey)), orphans)
	return true
}

// unkilled judges a command that ended before it could be killed: it worked,
// or the destroy guard has something to ask, such as about a key that a kill
// has left half made. That permission is given with the next apply.
func (k *killing) unkilled(t *testing.T, typed []string, code int, said string) {
	t.Helper()
	next := hint(typed, said)
	if code == 3 && len(next) > len(typed) && slices.Contains(next, "--allow-destroy") {
		k.allow = next[len(typed):]
		return
	}
	if code != 0 {
		t.Fatalf("%s: exit %d before it was killed\n%s", typed[0], code, said)
	}
}

// putRight calls the next apply and types what it is told to, until it works.
// Everything in the account is then in the state, or was listed, and what was
// listed is put right as a person would do it.
func (k *killing) putRight(t *testing.T, killed string) (commands []string, orphans int) {
	t.Helper()
	next, said := arguments("apply"), killed
	for range hops {
		code, text := k.enter(t, next)
		verb := next[0]
		commands, said = append(commands, fmt.Sprintf("%s (%d)", verb, code)), said+"\n$ infra "+strings.Join(next, " ")+"\n"+text
		switch {
		case code == 0 && verb == "recover":
			k.tally.refused++
			return commands, k.orphans(t, said)
		case code == 0 && verb == "apply":
			k.missed(t, said)
			return commands, 0
		case code == 0: // it has mended something: then the first command again
			next = arguments("apply")
		default:
			if next = hint(next, text); len(next) == 0 {
				t.Fatalf("exit %d, and nothing to type:\n%s", code, said)
			}
		}
	}
	t.Fatalf("after %v it still does not work:\n%s", commands, said)
	return nil, 0
}

// enter runs a command as a person would type it.
func (k *killing) enter(t *testing.T, args []string) (code int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
	defer cancel()
	out, err := k.command(ctx, args...).CombinedOutput()
	return exitCode(t, err), string(out)
}

// hint is the command that the error of a command says to type, without
// `infra`; none when it says nothing that can be typed.
func hint(command []string, text string) []string {
	_, after, found := strings.Cut(text, "next: ")
	if !found {
		return nil
	}
	line, _, _ := strings.Cut(after, "\n")
	if _, flag, again := strings.Cut(line, "the same command with "); again {
		return append(slices.Clone(command), strings.Fields(flag)[0])
	}
	if _, flags, more := strings.Cut(line, "if that is meant, add "); more {
		// Addresses are quoted for a shell and hold no spaces.
		return append(slices.Clone(command), strings.Fields(strings.ReplaceAll(flags, "'", ""))...)
	}
	line, _, _ = strings.Cut(line, "    ") // an explanation
	if at := strings.Index(line, "infra "); at >= 0 {
		return strings.Fields(line[at:])[1:]
	}
	return nil
}

// versions wants every version of the state that was ever seen, and a serial
// that does not go down.
func (k *killing) versions(t *testing.T) {
	t.Helper()
	now := map[string]stateVersion{}
	for _, version := range k.stateVersions(t, baselineKey) {
		now[version.id] = version
		if version.latest && version.serial < k.serial {
			t.Errorf("the serial went from %d to %d", k.serial, version.serial)
		}
		k.serial = max(k.serial, version.serial)
	}
	for id, version := range k.states {
		if _, there := now[id]; !there {
			t.Errorf("the version of serial %d, %s, is lost", version.serial, id)
		}
	}
	k.states = now
}

// whole applies to the end: then nothing differs.
func (k *killing) whole(t *testing.T) {
	t.Helper()
	typed := append(arguments("apply"), k.allow...)
	k.allow = nil
	code, said := k.enter(t, typed)
	if k.unkilled(t, typed, code, said); k.allow != nil {
		k.cloud.run(t, 0, append(typed, k.allow...)...)
		k.allow = nil
	}
	k.cloud.run(t, 0, "plan", "cloud", "--product", "baseline")
	k.versions(t)
	k.missed(t, "")
}

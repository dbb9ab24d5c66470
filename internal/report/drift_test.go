package report

import (
	"errors"
	"strings"
	"testing"
	"time"

	"infra/internal/drift"
	"infra/internal/fault"
)

func driftExample() DriftDocument {
	same := func(text string) string { return strings.ReplaceAll(text, "hunter2", "***") }
	prod := DriftOf("prod", "environments/eu/prod.yaml", []drift.Finding{
		{Kind: drift.Instance, ID: "i-0123", Name: "bitcoin", Detail: "running; it is in the environment's network, and no state has it"},
		{Kind: drift.OldImage, ID: "i-0456", Name: "zookeeper-2", Detail: "made of infra-prod-1, new hosts of infra-prod-2"},
		{Kind: drift.Host, Host: "zookeeper-1", Task: "zookeeper : Write the configuration", File: "/etc/zookeeper/zoo.cfg"},
		{Kind: drift.Code, Stack: "pipeline/prod", Address: "aws_eip.b", Action: "create"},
		{Kind: drift.Outside, Stack: "pipeline/prod", Address: "aws_subnet.a", Action: "update", Undone: true, Attributes: []drift.Attribute{{Path: "tags.a", After: `"1"`}}},
		{Kind: drift.Outside, Stack: "pipeline/prod", Address: "aws_sg.a", Action: "delete"},
		{Kind: drift.Outside, Stack: "pipeline/prod", Address: "aws_sg.\x1b[31mb", Action: "update", Noise: "drift.ignore has aws_sg.*"},
	}, false, 12345*time.Millisecond, nil, same)
	acme := DriftOf("acme", "environments/acme.yaml", nil, true, time.Second, fault.New(fault.Locked, "read acme", errors.New("hunter2 holds it"), "infra runs acme"), same)
	return Drift(time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC), []EnvironmentDrift{prod, acme, DriftOf("staging", "environments/staging.yaml", nil, true, 0, nil, same)})
}

// A file may be in a folder below environments/.
func TestDriftNamesTheFile(t *testing.T) {
	t.Parallel()
	outside := []drift.Finding{{Kind: drift.Outside, Stack: "pipeline/acme", Address: "aws_sg.a", Action: "update"}}
	acme := DriftOf("acme", "environments/customers/acme.yaml", outside, true, time.Second, nil, nil)
	if text := DriftText(Drift(time.Now(), []EnvironmentDrift{acme}), false); !strings.Contains(text, "drift.ignore of environments/customers/acme.yaml\n") {
		t.Errorf("it says\n%s", text)
	}
}

func TestDriftText(t *testing.T) {
	t.Parallel()
	const want = `prod: 2 resources changed outside, 1 change of the code not applied, 1 task would change hosts, 1 instance managed by nobody, 1 host made of another image (1 known noise, --verbose lists it)
  Changed outside of infra
    pipeline/prod aws_sg.a: is gone; apply leaves it so
    pipeline/prod aws_subnet.a: was changed
      tags.a: (none) -> "1"
  In the code, not applied
    pipeline/prod aws_eip.b: to create
  Ansible would change
    zookeeper-1: zookeeper : Write the configuration: /etc/zookeeper/zoo.cfg
  Instances that nobody manages
    i-0123 bitcoin: running; it is in the environment's network, and no state has it
  Hosts made of another image
    i-0456 zookeeper-2: made of infra-prod-1, new hosts of infra-prod-2
  next: infra plan prod, then infra apply prod; what is known and shall stay goes into drift.ignore

acme: could not be looked at
  error: read acme: *** holds it
    next: infra runs acme

staging: no drift; the hosts were not asked
`
	if got := DriftText(driftExample(), false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := DriftText(driftExample(), true); !strings.Contains(got, "Known noise\n    pipeline/prod aws_sg. [31mb: drift.ignore has aws_sg.*") {
		t.Errorf("noise is not listed, or steers the terminal:\n%s", got)
	}
}

func TestDriftCode(t *testing.T) {
	t.Parallel()
	e := func(drifted bool, code fault.Code) EnvironmentDrift {
		found := EnvironmentDrift{Drift: drifted}
		if code != fault.OK {
			found.Error = &Problem{Code: code}
		}
		return found
	}
	for want, all := range map[fault.Code][][]EnvironmentDrift{
		fault.OK:          {{}, {e(false, 0)}},
		fault.Differences: {{e(true, 0)}, {e(false, 0), e(true, 0)}},
		fault.Hosts:       {{e(true, fault.Hosts)}, {e(false, 0), e(true, fault.Hosts), e(false, fault.Hosts)}},
		fault.Locked:      {{e(true, 0), e(false, fault.Locked)}},
		fault.Failed:      {{e(true, fault.Hosts), e(false, fault.Locked)}, {e(false, fault.Failed)}},
		fault.Interrupted: {{e(true, 0), e(false, fault.Failed), e(false, fault.Interrupted)}},
	} {
		for _, environments := range all {
			if got := Drift(time.Now(), environments).Code(); got != want {
				t.Errorf("%+v: %d, want %d", environments, got, want)
			}
		}
	}
}

func TestDriftPage(t *testing.T) {
	t.Parallel()
	text := render(t, DriftPage(driftExample()))
	for _, want := range []string{"Could not be looked at as a whole: acme.", "Drift: prod.", "aws_subnet.a", "drift.ignore has aws_sg.*", "*** holds it"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Error("a secret is on the page")
	}
}

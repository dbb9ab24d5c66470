package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"infra/internal/environment"
	"infra/internal/install"
	"infra/internal/orphan"
	"infra/internal/preflight"
	"infra/internal/state"
)

// anInstallation is that of the shipped customer, with outputs as states have
// them.
func anInstallation(t *testing.T) Installation {
	t.Helper()
	env, err := environment.Load("../..", "acme")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	record := install.NewRecord("acme", began)
	for n, phase := range install.Phases() {
		record.Begin(phase, began.Add(time.Duration(n)*time.Minute))
		record.End(phase, began.Add(time.Duration(n)*time.Minute+30*time.Second), true)
	}
	record.Begin(install.Acceptance, began.Add(time.Hour))
	record.End(install.Acceptance, began.Add(time.Hour+7*time.Second), true)
	outputs := func(values map[string]string) map[string]state.Output {
		all := map[string]state.Output{}
		for name, value := range values {
			all[name] = state.Output{Value: json.RawMessage(value)}
		}
		return all
	}
	return Installation{
		Env: env, Record: record, Changed: true, Infra: "v1", Commit: "abc", Began: began, Made: began.Add(2 * time.Hour),
		KeyARN:     "arn:aws:kms:eu-central-1:333333333333:alias/infra-state",
		Preflight:  []preflight.Finding{{Check: "account", Result: preflight.Good, Detail: "fine"}, {Check: "quota: VPCs", Result: preflight.Warning, Detail: "not known"}},
		Acceptance: []install.Check{{Check: "a second plan", OK: true, Detail: "it is empty"}},
		Baseline:   outputs(map[string]string{"kms_key_arns": `{"data":"arn:data","backup":"arn:backup"}`, "backup_bucket": `"infra-backup-acme-333333333333"`, "trail_arn": "null"}),
		Pipeline: outputs(map[string]string{
			"vpc": `{"id":"vpc-1","cidr":"10.40.0.0/20","zone_name":"platform.acme.internal","bastion_address":null}`,
			"zookeeper": `{"connect":"zookeeper-1.platform.acme.internal:2281",
				"hosts":[{"id":"i-0123456789abcdef0","name":"zookeeper-1","layer":"zookeeper","role":"server","number":1,"private_address":"10.40.1.5","zone":"eu-central-1a","volumes":{}}]}`,
			"postgresql": `{"engine":"postgresql","endpoint_address":"postgresql.platform.acme.internal","secret_arn":"arn:secret"}`,
		}),
	}
}

func TestInstall(t *testing.T) {
	doc, err := Install(anInstallation(t))
	if err != nil {
		t.Fatal(err)
	}
	if !doc.Accepted || len(doc.Phases) != 5 || doc.Phases[4].Attempts != 2 || doc.Phases[4].Seconds != 7 || len(doc.Hosts) != 1 {
		t.Errorf("it says %+v", doc)
	}
	var page strings.Builder
	if err := InstallPage(doc).Write(&page); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	for kind, text := range map[string]string{"text": InstallText(doc), "page": page.String(), "JSON": string(data)} {
		for _, want := range []string{
			"vpc-1 10.40.0.0/20", "postgresql.platform.acme.internal:5432", "zookeeper-1.platform.acme.internal:2281", "Systems Manager", "arn:backup", "infra-backup-acme-333333333333",
			"SHA256:", "infra uninstall acme", "arn:secret", "quota: VPCs", "acme@example.com", "30 days",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s does not say %q", kind, want)
			}
		}
		if strings.Contains(text, "acme-5f1c") {
			t.Errorf("the %s tells the external id", kind)
		}
	}
	broken := anInstallation(t)
	broken.Pipeline["vpc"] = state.Output{Value: json.RawMessage(`[]`)}
	if _, err := Install(broken); err == nil || !strings.Contains(err.Error(), "vpc") {
		t.Errorf("an output of another form: %v", err)
	}
	failed := anInstallation(t)
	failed.Acceptance = append(failed.Acceptance, install.Check{Check: "backups", Detail: "there is none", Mend: "infra pg backup acme"})
	if doc, err = Install(failed); err != nil || doc.Accepted || !strings.Contains(InstallText(doc), "mend: infra pg backup acme") {
		t.Errorf("with a failed check: %v, %+v", err, doc)
	}
}

func TestUninstall(t *testing.T) {
	asked := []orphan.Question{{What: "roles"}, {What: "keys"}}
	on := time.Date(2026, 12, 29, 0, 0, 0, 0, time.UTC)
	gone := Uninstall("acme", "eu-west-1", "", nil, orphan.Remains{Asked: asked, Leaving: []orphan.Leaving{{What: "key k", At: on}}})
	if text := UninstallText(gone); !gone.Gone || !strings.Contains(text, "nothing is left: 2 questions asked, 0 found") || !strings.Contains(text, "AWS deletes on 2026-12-29: key k") {
		t.Errorf("it says\n%s", text)
	}
	left := orphan.FromARN("arn:aws:ec2:us-east-1:123456789012:volume/vol-1", "")
	some := Uninstall("acme", "eu-west-1", "", nil, orphan.Remains{Asked: []orphan.Question{{What: "tags", Found: 1}}, Left: []orphan.Resource{left}})
	if text := UninstallText(some); some.Gone || !strings.Contains(text, "aws ec2 delete-volume --volume-id vol-1 --region us-east-1\n") {
		t.Errorf("it says\n%s", text)
	}
	unheard := Uninstall("acme", "eu-west-1", "", nil, orphan.Remains{Asked: []orphan.Question{{What: "roles", Problem: "no answer"}}})
	if text := UninstallText(unheard); unheard.Gone || !strings.Contains(text, "not proven") || !strings.Contains(text, "roles: no answer") {
		t.Errorf("it says\n%s", text)
	}
}

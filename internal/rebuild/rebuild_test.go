package rebuild_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"infra/internal/environment"
	"infra/internal/install"
	"infra/internal/rebuild"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDa0uXkZ0yZl6PZ7cO4u2tQ8C0mD3s0b2Jr9Yd3c8s1k operator"

// lost is a project with one environment that is to be rebuilt.
func lost(t *testing.T, more string) (string, *environment.Environment) {
	t.Helper()
	project := t.TempDir()
	if err := os.Mkdir(filepath.Join(project, environment.Folder), 0o700); err != nil {
		t.Fatal(err)
	}
	text := `account: "111111111111"
region: eu-west-1
protected: true
recovery:
  region: eu-central-1
ssh:
  public_keys: ["` + key + `"]
products:
  pipeline:
    vpc:
      cidr: 10.20.0.0/16
      bastion_allowed_cidrs: [198.51.100.0/24]
` + more
	if err := os.WriteFile(filepath.Join(project, environment.Folder, "prod.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := environment.Load(project, "prod")
	if err != nil {
		t.Fatal(err)
	}
	return project, env
}

// The new environment's file is valid, and differs in what it has to.
func TestDraft(t *testing.T) {
	project, env := lost(t, `    emr:
      termination_protection: true
  baseline:
    backup_object_lock: compliance
    ci:
      repository: a/b
`)
	free, err := environment.Free(project, "prod")
	if err != nil || free != "10.21.0.0/16" {
		t.Fatalf("free is %s, %v", free, err)
	}
	for _, rehearsal := range []bool{false, true} {
		d := rebuild.Draft{Name: "prod2", Of: env, Region: "eu-central-1", CIDR: free, Zones: []string{"a", "b", "c"}, Rehearsal: rehearsal}
		derived, err := environment.Derive(project, "prod2", d.Text())
		if err != nil {
			t.Fatalf("%v\n%s", err, d.Text())
		}
		now := derived.Env.Settings()
		if now.Region != "eu-central-1" || now.RebuiltFrom != "prod" || now.Recovery != nil || now.State.Bucket != "infra-state-prod2-111111111111" || now.Products.Baseline.CI != nil {
			t.Errorf("rehearsal %t: %+v", rehearsal, now)
		}
		if now.Protected == rehearsal || now.Products.Pipeline.EMR.TerminationProtection == rehearsal || (now.Products.Baseline.BackupObjectLock == "none") != rehearsal || now.Products.Baseline.AccountHardening == rehearsal {
			t.Errorf("rehearsal %t: what keeps it from being taken away again is %+v", rehearsal, now)
		}
		if !rehearsal {
			continue
		}
		if err := derived.Write(true); err != nil {
			t.Fatal(err)
		}
		if err := derived.Write(true); err == nil {
			t.Error("a file was overwritten")
		}
		if _, err := environment.Load(project, "prod2"); err != nil {
			t.Errorf("it is not found among the throwaways: %v", err)
		}
		if same, err := environment.SameRegion(project, "prod2"); err != nil || len(same) != 0 { // what uninstall asks
			t.Errorf("in the region of the rehearsal are %v, %v", same, err)
		}
		if next, err := environment.Free(project, "prod"); err != nil || next == free {
			t.Errorf("a rehearsal's range is given away again: %s, %v", next, err)
		}
	}
	if _, err := environment.Derive(project, "prod", ""); err == nil {
		t.Error("the file of an environment that is there could be derived")
	}
}

func TestSettings(t *testing.T) {
	_, env := lost(t, `    image:
      owner: "111111111111"
      name: infra-prod-*
    emr:
      in_transit_certificates: s3://certificates-eu-west-1/all.zip
tags:
  where: eu-west-1a
`)
	var got []string
	for _, f := range rebuild.Settings(env) {
		got = append(got, f.Place()+" "+string(f.Kind)+" "+f.Found)
	}
	want := []string{
		"environments/prod.yaml:14 image 111111111111/infra-prod-*",
		"environments/prod.yaml:17 region eu-west-1",
		"environments/prod.yaml:17 setting s3://certificates-eu-west-1/all.zip",
		"environments/prod.yaml:19 zone eu-west-1a",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if found := rebuild.Zones(env, "us-west-1", []string{"us-west-1a", "us-west-1c"}); len(found) != 1 || found[0].Found != "us-west-1b" || found[0].File != "environments/prod.yaml" {
		t.Errorf("zones: %+v", found)
	}
	if found := rebuild.Zones(env, "eu-central-1", []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"}); found != nil {
		t.Errorf("zones: %+v", found)
	}
}

func TestRecord(t *testing.T) {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
	r := rebuild.NewRecord("prod2", "prod", "eu-west-1", false, at)
	if _, err := r.RPO(); err == nil || r.RTO() != 0 {
		t.Error("nothing was restored, and there is an RPO, or an RTO")
	}
	r.Lost = minute(-10)
	r.Begin(install.Configure, minute(12))
	r.End(install.Configure, minute(20), true)
	beat := minute(-11)
	r.Data = &rebuild.DataRestored{Backup: "x", Began: minute(9), Heartbeat: &beat}
	if rpo, err := r.RPO(); err != nil || rpo != time.Minute || r.RTO() != 20*time.Minute {
		t.Errorf("RPO %s, %v, RTO %s", rpo, err, r.RTO())
	}
	r.Rehearsal = true // the primary lives: what is missing when the recovery began
	if rpo, err := r.RPO(); err != nil || rpo != 20*time.Minute {
		t.Errorf("RPO of a rehearsal %s, %v", rpo, err)
	}
	r.Data.Heartbeat = nil
	if _, err := r.RPO(); err == nil {
		t.Error("without a heartbeat and a transaction there is an RPO")
	}
	text, err := json.Marshal(r)
	var back rebuild.Record
	if err != nil || json.Unmarshal(text, &back) != nil || !reflect.DeepEqual(*r, back) || back.Schema != rebuild.RecordSchema {
		t.Errorf("it does not survive being written down: %s, %v", text, err)
	}
}

func TestSecretInAnotherRegion(t *testing.T) {
	d := rebuild.Database{Secret: "arn:aws:secretsmanager:eu-west-1:111111111111:secret:infra-prod-postgresql-backup-2026-AbCdEf"}
	if arn, err := d.SecretIn("eu-central-1"); err != nil || arn != "arn:aws:secretsmanager:eu-central-1:111111111111:secret:infra-prod-postgresql-backup-2026-AbCdEf" {
		t.Errorf("%s, %v", arn, err)
	}
	d.Cluster = "prod-postgresql"
	if at := d.Backups(); at != "pgbackrest/prod-postgresql-AbCdEf/backup/main" {
		t.Errorf("the backups are at %s", at)
	}
	if _, err := (rebuild.Database{Secret: "x"}).SecretIn("eu-central-1"); err == nil {
		t.Error("what is no ARN has no copy")
	}
}

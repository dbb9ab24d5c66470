package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// rebuildCheck is the part of infra/rebuild-check/v1 that the tests read.
type rebuildCheck struct {
	Ready   bool `json:"ready"`
	Refused int  `json:"refused"`
	Places  []struct {
		File  string `json:"file"`
		Line  int    `json:"line"`
		Found string `json:"found"`
	} `json:"places"`
	Findings []struct {
		Check  string `json:"check"`
		Result string `json:"result"`
		Detail string `json:"detail"`
	} `json:"findings"`
}

// What would stand in the way of a rebuild is found beforehand, and looking
// changes nothing.
func TestRebuildCheck(t *testing.T) {
	c := newCloud(t)
	file := filepath.Join(c.project, "environments", "cloud.yaml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const to = "eu-central-1"
	check := func(t *testing.T, code int) rebuildCheck {
		t.Helper()
		before := c.changesOf(t, 0)
		out, _ := c.run(t, code, "rebuild", "cloud", "--region", to, "--check", "--output", "json")
		if made := c.changesOf(t, before.last).made; len(made) > 0 {
			t.Errorf("looking has changed something: %v", made)
		}
		var doc rebuildCheck
		if err := json.Unmarshal([]byte(out), &doc); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return doc
	}
	second := func(doc rebuildCheck) string {
		for _, f := range doc.Findings {
			if f.Check == "second copy" {
				return f.Result + ": " + f.Detail
			}
		}
		return ""
	}

	_, stderr := c.run(t, 3, "rebuild", "cloud", "--region", to, "--check")
	if !strings.Contains(stderr, "set recovery.region: "+to) {
		t.Errorf("nobody is told how to get a second copy:\n%s", stderr)
	}
	c.write(t, "environments/cloud.yaml", string(was)+"recovery:\n  region: "+to+"\n")
	c.run(t, 64, "rebuild", "cloud", "--region", "eu-west-1", "--check")
	c.run(t, 64, "rebuild", "cloud", "--region", to)
	c.run(t, 64, "rebuild", "cloud", "--region", to, "--to", "cloud")
	c.run(t, 3, "rebuild", "cloud", "--region", "eu-north-1", "--check")
	if got := second(check(t, 2)); !strings.HasPrefix(got, "bad: there is nothing in the bucket infra-recovery-cloud-"+cloudAccount) {
		t.Errorf("without a second copy: %s", got)
	}

	_, stderr = c.run(t, 0, "bootstrap", "cloud")
	for _, want := range []string{"alias/infra-recovery", "infra-recovery-cloud-" + cloudAccount} {
		if !strings.Contains(stderr, want) {
			t.Errorf("bootstrap does not say that it made %s:\n%s", want, stderr)
		}
	}
	if _, stderr := c.run(t, 0, "bootstrap", "cloud"); !strings.Contains(stderr, "nothing changed") {
		t.Errorf("a second bootstrap changed something:\n%s", stderr)
	}

	away := c.config(t)
	away.Region = to
	home := secretsmanager.NewFromConfig(away)
	secret, err := home.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("infra-cloud-postgresql-backup-1"), SecretString: aws.String("{}")})
	if err != nil {
		t.Fatal(err)
	}
	arn := strings.Replace(*secret.ARN, to, "eu-west-1", 1)
	put := func(key, text string) {
		t.Helper()
		client := s3.NewFromConfig(away, func(o *s3.Options) { o.UsePathStyle = true })
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("infra-recovery-cloud-" + cloudAccount), Key: &key, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	put("recovery.json", `{"schema":"infra/recovery-point/v1","environment":"cloud","run":"r","at":"2026-11-29T06:00:00Z","database":{"cluster":"cloud-postgresql","version":"15","secret":"`+arn+`"}}`)
	if got := second(check(t, 2)); !strings.HasPrefix(got, "bad: there is no backup of cloud-postgresql") {
		t.Errorf("without a backup: %s", got)
	}
	put("pgbackrest/cloud-postgresql-"+arn[strings.LastIndexByte(arn, '-')+1:]+"/backup/main/backup.info", "x")
	if doc := check(t, 0); !doc.Ready || doc.Refused != 0 {
		t.Errorf("it is not ready: %+v", doc)
	}

	c.write(t, "ansible/roles/x/tasks/main.yml", "---\n- name: X\n  url: https://s3.eu-west-1.amazonaws.com\n")
	doc := check(t, 2)
	if len(doc.Places) != 1 || doc.Places[0].File != "ansible/roles/x/tasks/main.yml" || doc.Places[0].Line != 3 || doc.Places[0].Found != "eu-west-1" {
		t.Errorf("places: %+v", doc.Places)
	}
	if _, err := os.Stat(filepath.Join(c.project, "environments", "rebuilt.yaml")); err == nil {
		t.Error("looking has written a file")
	}
}

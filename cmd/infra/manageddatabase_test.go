//go:build endtoend

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/rds"
)

// TestManagedDatabase builds the platform with engine: rds and does to the
// database what there is a command for. The emulator's RDS has no server behind
// its instances: what a verification asks the server is proven on a real one
// (contentsFromAfar), here it must be told as not done.
func TestManagedDatabase(t *testing.T) {
	p := newPlatform(t)
	p.write(t, "environments/e2e.yaml", "extends: sandbox\nendpoint: "+p.endpoint+
		"\nproducts:\n  pipeline:\n    vpc: {cidr: 10.77.0.0/16}\n    zookeeper: {size: 1}\n    postgresql: {engine: rds}\n")
	p.run(t, 0, "apply", "e2e", "--auto-approve")
	status := data[struct {
		State   string `json:"state"`
		Managed struct {
			Identifier string `json:"identifier"`
		} `json:"managed"`
	}](t, p, "pg", "status", "e2e")
	source := status.Managed.Identifier
	if status.State != "healthy" || source == "" {
		t.Fatalf("%+v", status)
	}
	only := func() {
		t.Helper()
		if got := p.managed(t); !slices.Equal(got, []string{source}) {
			t.Errorf("the instances are %q", got)
		}
	}
	p.run(t, 3, "pg", "switchover", "e2e", "--auto-approve")
	p.run(t, 3, "pg", "backups", "e2e")
	p.run(t, 3, "pg", "restore", "e2e", "--to", "2020-01-01T00:00:00Z")
	p.run(t, 64, "pg", "restore", "e2e", "--name", "two--hyphens")
	only()

	out, _ := p.run(t, 0, "pg", "restore", "e2e", "--name", "before", "--output", "json")
	var restored struct {
		Host      string `json:"host"`
		Address   string `json:"address"`
		SecretARN string `json:"secret_arn"`
	}
	if err := json.Unmarshal([]byte(out), &restored); err != nil || restored.Host != source+"-before" || restored.Address == "" {
		t.Errorf("%v: %s", err, out)
	}
	if got := p.managed(t); len(got) != 2 {
		t.Errorf("the instances are %q", got)
	}
	p.run(t, 3, "pg", "restore", "e2e", "--name", "before") // there is one
	p.run(t, 3, "destroy", "e2e", "--confirm", "e2e")
	p.run(t, 64, "pg", "restore", "e2e", "--remove", "another")
	p.run(t, 0, "pg", "restore", "e2e", "--remove", "before")
	only()

	out, stderr := p.run(t, 1, "pg", "verify", "e2e", "--output", "json")
	var doc verifyDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("no report: %v\n%s", err, out)
	}
	passed := map[string]bool{}
	for _, c := range doc.Checks {
		passed[c.Name] = c.Passed
	}
	if len(passed) != 4 || !passed["restore"] || !passed["like its source"] || passed["first query"] {
		t.Errorf("%+v", doc)
	}
	if !strings.Contains(stderr, "first query") {
		t.Errorf("what was not asked is not told:\n%s", stderr)
	}
	only()
}

// managed are the identifiers of all database instances.
func (p *platform) managed(t *testing.T) []string {
	t.Helper()
	client := rds.New(rds.Options{Region: "eu-west-1", BaseEndpoint: aws.String(p.endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	found, err := client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range found.DBInstances {
		ids = append(ids, aws.ToString(i.DBInstanceIdentifier))
	}
	slices.Sort(ids)
	return ids
}

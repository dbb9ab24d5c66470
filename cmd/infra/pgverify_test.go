//go:build endtoend

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// verifyDocument is the part of infra/pg-verify/v1 that the tests read.
type verifyDocument struct {
	Passed bool     `json:"passed"`
	Backup string   `json:"backup"`
	Host   string   `json:"host"`
	RTO    *float64 `json:"rto_seconds"`
	RPO    *float64 `json:"rpo_seconds"`
	Checks []struct {
		Name   string `json:"name"`
		Passed bool   `json:"passed"`
		Detail string `json:"detail"`
	} `json:"checks"`
}

// pgVerify runs the command and wants an exit code. Whatever comes out, the
// throwaway host is gone.
func (p *platform) pgVerify(t *testing.T, want int, flags ...string) verifyDocument {
	t.Helper()
	out, _ := p.run(t, want, append([]string{"pg", "verify", "e2e", "--output", "json"}, flags...)...)
	var doc verifyDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("no report: %v\n%s", err, out)
	}
	if doc.Host == "" {
		t.Error("the report names no host")
	}
	p.noThrowaway(t)
	return doc
}

// noThrowaway wants nothing left of hosts that a run removes again.
func (p *platform) noThrowaway(t *testing.T) {
	t.Helper()
	client := ec2.New(ec2.Options{Region: "eu-west-1", BaseEndpoint: aws.String(p.endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	made := []types.Filter{{Name: aws.String("tag-key"), Values: []string{"infra-throwaway"}}}
	hosts, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: made})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range hosts.Reservations {
		for _, i := range r.Instances {
			if i.State.Name != types.InstanceStateNameTerminated {
				t.Errorf("the throwaway host %s is %s", aws.ToString(i.InstanceId), i.State.Name)
			}
		}
	}
	volumes, err := client.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{Filters: made})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(volumes.Volumes); n > 0 {
		t.Errorf("%d volumes of throwaway hosts are left", n)
	}
}

// failed wants exactly that a check failed, with a text in its detail.
func (d verifyDocument) failed(t *testing.T, name, text string) {
	t.Helper()
	for _, c := range d.Checks {
		if c.Name == name {
			if c.Passed || !strings.Contains(c.Detail, text) {
				t.Errorf("%s: passed %v, %q; want a failure with %q", name, c.Passed, c.Detail, text)
			}
			return
		}
	}
	t.Errorf("%s was not checked: %+v", name, d)
}

// verifiedRestore is the backup as it should be; the four after it damage one
// thing each, and put it right again.
func verifiedRestore(t *testing.T, p *platform) {
	p.run(t, 0, "pg", "backup", "e2e", "--type", "full")
	doc := p.pgVerify(t, 0)
	if !doc.Passed || doc.RTO == nil || doc.RPO == nil {
		t.Errorf("not verified: %+v", doc)
	}
	t.Logf("RTO %.1f s, RPO %.1f s", *doc.RTO, *doc.RPO)
	if got := p.onPostgres(t, "SELECT count(*) FROM infra.verification WHERE backup = '"+doc.Backup+"'"); got != "1" {
		t.Errorf("the primary knows of %s verified restores of %s", got, doc.Backup)
	}
}

// verifyOldBackup allows no backup as old as the last one is.
func verifyOldBackup(t *testing.T, p *platform) {
	p.pgVerify(t, 1, "--max-age", "1s").failed(t, "age of the backup", "at most 1 s is allowed")
}

// verifyFlippedByte changes one bit of the largest file of the last backup.
func verifyFlippedByte(t *testing.T, p *platform) {
	known := data[struct {
		Backups []struct {
			Label string `json:"label"`
		} `json:"backups"`
	}](t, p, "pg", "backups", "e2e").Backups
	last := known[len(known)-1].Label
	restored := p.damage(t, "/backup/main/"+last+"/", func(body []byte) []byte {
		body[len(body)/2] ^= 1
		return body
	})
	defer restored()
	doc := p.pgVerify(t, 1)
	doc.failed(t, "files of the repository", last)
}

// verifyMissingWAL takes a segment away that was archived after the backup.
func verifyMissingWAL(t *testing.T, p *platform) {
	var middle string
	for range 3 { // each in a segment of its own
		segment := p.onPostgres(t, "CREATE TABLE IF NOT EXISTS public.filler (n int); INSERT INTO public.filler VALUES (1); SELECT pg_walfile_name(pg_current_wal_lsn()); SELECT pg_switch_wal()")
		if middle == "" {
			middle = strings.Fields(segment)[0]
		}
		eventually(t, "the segment is archived", func() (bool, string) {
			seen := p.onPostgres(t, "SELECT last_archived_wal FROM pg_stat_archiver")
			return seen >= strings.Fields(segment)[0], seen
		})
	}
	restored := p.damage(t, "/"+middle+"-", nil)
	defer restored()
	p.pgVerify(t, 1).failed(t, "WAL archive", middle+" is missing")
}

// verifyLostCanary deletes a row that no transaction ever deletes.
func verifyLostCanary(t *testing.T, p *platform) {
	p.onPostgres(t, "DELETE FROM infra.canary WHERE id = 500")
	p.onPostgres(t, "SELECT pg_switch_wal()")
	defer p.onPostgres(t, "INSERT INTO infra.canary VALUES (500, md5('infra-canary-500'))")
	segment := p.onPostgres(t, "SELECT pg_walfile_name(pg_current_wal_lsn())")
	eventually(t, "the deletion is archived", func() (bool, string) {
		seen := p.onPostgres(t, "SELECT last_archived_wal FROM pg_stat_archiver")
		return seen >= segment, seen
	})
	p.pgVerify(t, 1).failed(t, "canary rows", "500")
}

// restoreToMoment restores the state between two rows, refuses what is out of
// reach, and removes what it made.
func restoreToMoment(t *testing.T, p *platform) {
	p.onPostgres(t, "CREATE TABLE public.moment (n int); INSERT INTO public.moment VALUES (1)")
	time.Sleep(2 * time.Second)
	to := p.onPostgres(t, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
	time.Sleep(2 * time.Second)
	p.onPostgres(t, "INSERT INTO public.moment VALUES (2)")
	segment := p.onPostgres(t, "SELECT pg_walfile_name(pg_current_wal_lsn())")
	p.onPostgres(t, "SELECT pg_switch_wal()")
	eventually(t, "the second row is archived", func() (bool, string) {
		seen := p.onPostgres(t, "SELECT last_archived_wal FROM pg_stat_archiver")
		return seen >= segment, seen
	})
	for _, impossible := range []string{"2020-01-01T00:00:00Z", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)} {
		if _, stderr := p.run(t, 3, "pg", "restore", "e2e", "--to", impossible); !strings.Contains(stderr, "possible is from") {
			t.Errorf("%s is refused without saying what is possible:\n%s", impossible, stderr)
		}
	}
	p.run(t, 0, "pg", "restore", "e2e", "--to", to, "--name", "moment")
	on := func(sql string) string {
		return p.on(t, "moment", "sudo", "-u", "postgres", "psql", "-XAtq", "-d", "repmgr", "-c", sql)
	}
	if got := on("SELECT string_agg(n::text, ',') FROM public.moment"); got != "1" {
		t.Errorf("the restored rows are %q, want 1 alone", got)
	}
	if got := on("SELECT current_setting('archive_mode') || ' ' || pg_is_in_recovery()"); got != "off false" {
		t.Errorf("the restored server archives, or does not serve: %s", got)
	}
	healthy(t, p) // it is no node
	p.run(t, 3, "pg", "restore", "e2e", "--name", "moment")
	if _, stderr := p.run(t, 3, "destroy", "e2e", "--confirm", "e2e"); !strings.Contains(stderr, "--remove moment") {
		t.Errorf("it would be stranded:\n%s", stderr)
	}
	p.run(t, 0, "pg", "restore", "e2e", "--remove", "moment")
	p.run(t, 64, "pg", "restore", "e2e", "--remove", "moment")
}

// onPostgres runs SQL on the primary that the tests begin with.
func (p *platform) onPostgres(t *testing.T, sql string) string {
	t.Helper()
	return p.onDatabase(t, "repmgr", sql)
}

func (p *platform) onDatabase(t *testing.T, database, sql string) string {
	t.Helper()
	return p.on(t, "postgresql-1", "sudo", "-u", "postgres", "psql", "-XAtq", "-d", database, "-c", sql)
}

// damage changes the largest object of the backup bucket whose key has a part,
// or deletes it, and returns what puts it back.
func (p *platform) damage(t *testing.T, part string, change func([]byte) []byte) func() {
	t.Helper()
	client := s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(p.endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	bucket := aws.String("infra-backup-e2e-123456789012")
	var key *string
	var size int64
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			if strings.Contains(aws.ToString(o.Key), part) && !strings.Contains(aws.ToString(o.Key), "manifest") && aws.ToInt64(o.Size) > size {
				key, size = o.Key, aws.ToInt64(o.Size)
			}
		}
	}
	if key == nil {
		t.Fatalf("the repository has no object with %s in its key", part)
	}
	object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(object.Body)
	if err != nil {
		t.Fatal(err)
	}
	put := func(body []byte) {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		put(change(bytes.Clone(whole)))
	} else if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key}); err != nil {
		t.Fatal(err)
	}
	return func() { put(whole) }
}

package restore

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"infra/internal/fault"
)

func TestManagedIdentifier(t *testing.T) {
	m := managed{source: "infra-prod-postgresql"}
	for name, good := range map[string]bool{
		"before-the-accident": true, "a": true, "x9": true,
		"ends-": false, "two--hyphens": false, strings.Repeat("a", 41): true, strings.Repeat("a", 42): false,
	} {
		id, err := m.identifier(name)
		if (err == nil) != good || good && id != "infra-prod-postgresql-"+name || !good && fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
}

func TestJudgeLatest(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { return aws.Time(now.Add(-d)) }
	for _, c := range []struct {
		latest *time.Time
		passed bool
		want   string
	}{
		{ago(4 * time.Minute), true, "the last 240.0 s cannot be restored yet"},
		{ago(16 * time.Minute), false, "at most 15 min 0 s are allowed"},
		{ago(-time.Second), true, "the last 0.0 s"},
		{nil, false, "names no moment"},
	} {
		if got := judgeLatest(c.latest, now, 15*time.Minute); got.Passed != c.passed || !strings.Contains(got.Detail, c.want) {
			t.Errorf("%v: %+v", c.latest, got)
		}
	}
}

func TestJudgeLikeness(t *testing.T) {
	source := types.DBInstance{
		EngineVersion: aws.String("15.8"), DBInstanceClass: aws.String("db.m6g.large"), AllocatedStorage: aws.Int32(100), StorageEncrypted: aws.Bool(true),
	}
	if c := judgeLikeness(source, source); !c.Passed || !strings.Contains(c.Detail, "15.8") {
		t.Errorf("itself: %+v", c)
	}
	for want, change := range map[string]func(*types.DBInstance){
		`version is "14.1"`:         func(i *types.DBInstance) { i.EngineVersion = aws.String("14.1") },
		`class is "db.t3.micro"`:    func(i *types.DBInstance) { i.DBInstanceClass = aws.String("db.t3.micro") },
		`storage is "20"`:           func(i *types.DBInstance) { i.AllocatedStorage = aws.Int32(20) },
		`encryption is "false"`:     func(i *types.DBInstance) { i.StorageEncrypted = nil },
		"reached from the internet": func(i *types.DBInstance) { i.PubliclyAccessible = aws.Bool(true) },
	} {
		restored := source
		change(&restored)
		if c := judgeLikeness(source, restored); c.Passed || !strings.Contains(c.Detail, want) {
			t.Errorf("%s: %+v", want, c)
		}
	}
}

func TestRootsAddress(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1":     "https://truststore.pki.rds.amazonaws.com/eu-west-1/eu-west-1-bundle.pem",
		"us-gov-east-1": "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/us-gov-east-1/us-gov-east-1-bundle.pem",
		"cn-north-1":    "",
	} {
		if got, err := rootsAddress(region); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", region, got, err)
		}
	}
}

package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"infra/internal/postgresql"
	"infra/internal/provision"
)

// ManagedBackup is the type of what the managed service restores from.
const ManagedBackup = "rds"

// verifyName is what the instance that a verification makes is called.
const verifyName = "verify"

// VerifyInstance restores the managed service's latest moment to an instance of
// its own, asks it for everything in it, and deletes it whatever happened. ca
// is a file with the certificates that the instance's must come from; empty:
// those that AWS publishes.
func VerifyInstance(ctx context.Context, p *provision.Platform, hosts *provision.Hosts, output postgresql.Output, limits Limits, ca string, say func(format string, args ...any)) (*Report, error) {
	report := newReport(p)
	m, err := newManaged(p, output, say)
	if err != nil {
		return report, err
	}
	err = m.verify(ctx, hosts, report, limits, ca)
	report.end(err)
	return report, errors.Join(err, report.publish(ctx, p, m.source, func(context.Context) error { return nil }))
}

func (m managed) verify(ctx context.Context, hosts *provision.Hosts, report *Report, limits Limits, ca string) (err error) {
	source, err := m.describe(ctx, m.source)
	if err != nil {
		return err
	}
	started := time.Now()
	report.Backup, report.BackupType = m.source, ManagedBackup
	report.BackupAt, report.DatabaseBytes = source.LatestRestorableTime, int64(aws.ToInt32(source.AllocatedStorage))<<30
	report.add(ctx, timed(judgeLatest(source.LatestRestorableTime, started, limits.RPO), started), m.say)
	if source.LatestRestorableTime != nil {
		report.RPOSeconds = aws.Float64(max(0, started.Sub(*source.LatestRestorableTime).Seconds()))
	}
	defer func() {
		removing := time.Now()
		err = errors.Join(err, m.dismiss(ctx, ThrowawayTag, report.Run))
		report.phase("removal", removing)
	}()
	made, err := m.make(ctx, verifyName, nil, map[string]string{ThrowawayTag: report.Run})
	report.phase("instance", started)
	if stopped(ctx) != nil {
		return stopped(ctx)
	}
	c := Check{Name: "restore"}
	if err != nil {
		c.Detail = err.Error()
		report.add(ctx, timed(c, started), m.say)
		return nil
	}
	c.Passed, c.Detail = true, fmt.Sprintf("%s is available after %s", made.Identifier, span(made.Took))
	report.Host, report.RestoredTo = made.Identifier, &made.RestoredTo
	report.add(ctx, timed(c, started), m.say)
	restored, err := m.describe(ctx, made.Identifier)
	if err != nil {
		return err
	}
	report.add(ctx, timed(judgeLikeness(source, restored), time.Now()), m.say)
	m.ask(ctx, hosts, report, *made, ca, started)
	return stopped(ctx)
}

// describe asks RDS about one instance.
func (m managed) describe(ctx context.Context, id string) (types.DBInstance, error) {
	found, err := m.client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil {
		return types.DBInstance{}, fmt.Errorf("look at %s: %w", id, err)
	}
	if len(found.DBInstances) != 1 {
		return types.DBInstance{}, fmt.Errorf("%s does not exist", id)
	}
	return found.DBInstances[0], nil
}

// ask looks into the restored server, by way of a host of the environment.
func (m managed) ask(ctx context.Context, hosts *provision.Hosts, report *Report, made postgresql.ManagedRestored, ca string, asked time.Time) {
	started := time.Now()
	login, err := m.login(ctx, hosts, made, ca)
	if err != nil {
		report.add(ctx, timed(Check{Name: "first query", Detail: err.Error()}, started), m.say)
		return
	}
	checks, answered := Contents(ctx, login)
	if !answered.IsZero() {
		report.RTOSeconds = aws.Float64(answered.Sub(asked).Seconds())
	}
	for _, c := range checks {
		report.add(ctx, c, m.say)
	}
	report.phase("checks", started)
}

// login is how the restored server is asked: with its own secret, through the
// bastion, or where there is none through any other host.
func (m managed) login(ctx context.Context, hosts *provision.Hosts, made postgresql.ManagedRestored, ca string) (Login, error) {
	through, ok := hosts.Inventory.Bastion()
	if !ok {
		all := hosts.Inventory.Hosts()
		if len(all) == 0 {
			return Login{}, errors.New("the environment has no host that it could be asked from")
		}
		through = all[0]
	}
	if made.SecretARN == "" {
		return Login{}, errors.New("RDS names no secret for it, so nobody can log in")
	}
	secret, err := secretsmanager.NewFromConfig(m.platform.AWS()).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &made.SecretARN})
	if err != nil {
		return Login{}, fmt.Errorf("read its secret: %w", err)
	}
	var user struct {
		Name     string `json:"username"`
		Password string `json:"password"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(secret.SecretString)), &user); err != nil || user.Password == "" {
		return Login{}, errors.New("its secret is no JSON object with username and password")
	}
	roots, err := managedRoots(ctx, m.platform.Env.Region(), ca)
	if err != nil {
		return Login{}, err
	}
	return Login{
		Address: made.Address, Port: uint16(made.Port), User: user.Name, Password: user.Password, Roots: roots, //nolint:gosec // G115: RDS allows 1150 to 65535
		Dial: func(ctx context.Context, address string, port uint16) (net.Conn, error) {
			return hosts.Client.Dial(ctx, through, address, port)
		},
	}, nil
}

// judgeLatest minds a managed service whose latest moment is long ago. It
// stores its WAL every five minutes.
// Source: Amazon RDS User Guide, "Restoring to a specified time".
func judgeLatest(latest *time.Time, now time.Time, limit time.Duration) Check {
	if latest == nil {
		return Check{Name: "loss", Detail: "RDS names no moment that can be restored"}
	}
	c := judgeLoss(max(0, now.Sub(*latest)), limit)
	c.Detail = strings.Replace(c.Detail, "of the primary did not come back", "cannot be restored yet", 1)
	return c
}

// judgeLikeness wants a restored instance to be what its source is.
func judgeLikeness(source, restored types.DBInstance) Check {
	c := Check{Name: "like its source"}
	var wrong []string
	compare := func(what, is, was string) {
		if is != was {
			wrong = append(wrong, fmt.Sprintf("its %s is %q, that of its source %q", what, is, was))
		}
	}
	compare("version", aws.ToString(restored.EngineVersion), aws.ToString(source.EngineVersion))
	compare("class", aws.ToString(restored.DBInstanceClass), aws.ToString(source.DBInstanceClass))
	compare("storage", fmt.Sprint(aws.ToInt32(restored.AllocatedStorage)), fmt.Sprint(aws.ToInt32(source.AllocatedStorage)))
	compare("encryption", fmt.Sprint(aws.ToBool(restored.StorageEncrypted)), fmt.Sprint(aws.ToBool(source.StorageEncrypted)))
	if aws.ToBool(restored.PubliclyAccessible) {
		wrong = append(wrong, "it can be reached from the internet")
	}
	c.Passed, c.Detail = len(wrong) == 0, strings.Join(wrong, "; ")
	if c.Passed {
		c.Detail = fmt.Sprintf("version %s, %s, %d GB, encrypted: %t", aws.ToString(source.EngineVersion), aws.ToString(source.DBInstanceClass), aws.ToInt32(source.AllocatedStorage), aws.ToBool(source.StorageEncrypted))
	}
	return c
}

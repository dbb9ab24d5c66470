package postgresql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"infra/internal/fault"
)

// RDS takes one to two minutes to fail over; it says so late.
const (
	managedEvery         = 5 * time.Second
	managedFailoverLimit = 15 * time.Minute
	managedZoneLimit     = 3 * time.Minute
)

// PlanManagedFailover refuses a failover of an instance that has nowhere to
// go, or that is busy.
func PlanManagedFailover(s Status, environment string) error {
	op := "fail over " + s.Managed.Identifier
	var reasons []string
	if !s.Managed.MultiAZ {
		reasons = append(reasons, "it has no standby in another zone")
	}
	if s.Managed.State != "available" {
		reasons = append(reasons, "it is "+s.Managed.State+", RDS reboots only what is available")
	}
	if len(reasons) > 0 {
		return refused(op, reasons, "infra pg status "+environment)
	}
	return nil
}

// FailoverManaged has RDS reboot its instance into the other zone, and waits
// until it is available there.
func FailoverManaged(ctx context.Context, w Work, client *rds.Client) (*Done, error) {
	before := ReadManaged(ctx, client, w.Output)
	if err := PlanManagedFailover(before, w.Common.Environment); err != nil {
		return nil, err
	}
	id := before.Managed.Identifier
	o := w.begin(FailoverSchema, before.Managed.Zone, before.Managed.OtherZone)
	if _, err := client.RebootDBInstance(ctx, &rds.RebootDBInstanceInput{DBInstanceIdentifier: &id, ForceFailover: aws.Bool(true)}); err != nil {
		return nil, fault.New(fault.Failed, "fail over "+id, errors.New(gist(err)), "infra pg status "+w.Common.Environment)
	}
	o.step(id, "is told to fail over from zone %s", before.Managed.Zone)
	progress := managedProgress{zone: before.Managed.Zone, state: before.Managed.State, began: time.Now()}
	for {
		now := ReadManaged(ctx, client, w.Output)
		over, told := progress.see(*now.Managed, time.Now())
		if told != "" {
			o.step(id, "%s", told)
		}
		if over {
			done := o.end(now)
			done.To = now.Managed.Zone
			if now.Managed.Zone == before.Managed.Zone {
				done.Problems = append(done.Problems, fmt.Sprintf("RDS still names the zone %s; it may tell the new one later", now.Managed.Zone))
			}
			return done, nil
		}
		if time.Since(progress.began) > managedFailoverLimit {
			return o.end(now), fault.New(fault.Failed, "fail over "+id, fmt.Errorf("it is %s after %s", now.Managed.State, managedFailoverLimit), "infra pg status "+w.Common.Environment)
		}
		if err := sleep(ctx, managedEvery); err != nil {
			return o.end(now), err
		}
	}
}

// managedProgress judges what RDS says one time after the other.
type managedProgress struct {
	zone, state string    // as last seen
	moved       bool      // the zone has changed
	began       time.Time // when it was asked
}

// see takes in what RDS says now: whether that is the end, and what is new in
// it. The zone tells; where it does not change in time, being available does.
func (p *managedProgress) see(now Managed, at time.Time) (over bool, told string) {
	switch {
	case now.Zone != p.zone && now.Zone != "":
		told = fmt.Sprintf("is in zone %s now, %s", now.Zone, now.State)
		p.zone, p.moved = now.Zone, true
	case now.State != p.state && now.State != "":
		told = "is " + now.State
	}
	if now.State != "" {
		p.state = now.State
	}
	return now.State == "available" && (p.moved || at.Sub(p.began) > managedZoneLimit), told
}

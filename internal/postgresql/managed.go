package postgresql

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/smithy-go"
)

// Managed is an instance of the managed service.
type Managed struct {
	Identifier string `json:"identifier"`
	State      string `json:"state"` // as RDS names it: available, modifying, ...
	Version    string `json:"version"`
	Class      string `json:"class"`
	MultiAZ    bool   `json:"multi_az"`
	Zone       string `json:"zone"`
	OtherZone  string `json:"other_zone"` // of the standby
	StorageGB  int    `json:"storage_gb"`
}

// ReadManaged asks RDS. It never fails: what could not be asked is a problem.
func ReadManaged(ctx context.Context, client *rds.Client, output Output) Status {
	s := Status{Engine: "rds", Problems: []string{}, Endpoint: Endpoint{Address: output.Address}, Nodes: []Node{}}
	s.Managed = &Managed{Identifier: aws.ToString(output.Identifier)}
	if s.Managed.Identifier == "" {
		s.problem("the state names no instance")
		return s
	}
	found, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: output.Identifier})
	if err == nil && len(found.DBInstances) != 1 {
		err = errors.New("it does not exist any more")
	}
	if err != nil {
		s.problem("%s: %s", s.Managed.Identifier, gist(err))
		return s
	}
	return judgeManaged(s, found.DBInstances[0])
}

// judgeManaged decides what RDS's description means.
func judgeManaged(s Status, instance types.DBInstance) Status {
	s.Managed = &Managed{
		Identifier: aws.ToString(instance.DBInstanceIdentifier), State: aws.ToString(instance.DBInstanceStatus),
		Version: aws.ToString(instance.EngineVersion), Class: aws.ToString(instance.DBInstanceClass), MultiAZ: aws.ToBool(instance.MultiAZ),
		Zone: aws.ToString(instance.AvailabilityZone), OtherZone: aws.ToString(instance.SecondaryAvailabilityZone),
		StorageGB: int(aws.ToInt32(instance.AllocatedStorage)),
	}
	name := s.Managed.Identifier
	s.Reached = 1
	switch s.Managed.State {
	case "available", "backing-up", "storage-optimization", "configuring-enhanced-monitoring", "configuring-log-exports":
		s.Serving = true
	case "modifying", "upgrading", "maintenance", "storage-full", "rebooting", "failing-over":
		s.problem("%s is %s", name, s.Managed.State)
		s.Serving = s.Managed.State == "modifying"
	default:
		s.problem("%s is %s, not available", name, s.Managed.State)
	}
	if !s.Managed.MultiAZ {
		s.problem("%s has no standby in another zone", name)
	}
	if instance.Endpoint != nil {
		if address := aws.ToString(instance.Endpoint.Address); address != s.Endpoint.Address && s.Endpoint.Address != "" {
			s.Problems = append(s.Problems, fmt.Sprintf("its address is %s, the state has %s", address, s.Endpoint.Address))
		}
	}
	return s
}

// gist is the service's own words in an error of the SDK, without the
// request's particulars.
func gist(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

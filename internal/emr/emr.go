// Package emr reads how the clusters are: each colour's state and nodes, the
// pointer by which jobs find the active one, and the memory alarms. Everything
// is asked of AWS; what the answers mean together is decided by Judge, which
// is pure.
package emr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"infra/internal/account"
)

// Output is the product's `emr` output.
type Output struct {
	Active      string                   `json:"active"`       // the colour that jobs are sent to
	PointerName string                   `json:"pointer_name"` // DNS name that leads to its primary node
	Parameter   string                   `json:"parameter"`    // SSM parameter that says the same
	Answers     string                   `json:"answers"`      // S3 address below which clusters answer infra's questions
	Clusters    map[string]OutputCluster `json:"clusters"`     // by colour
}

// OutputCluster is a cluster as the state knows it.
type OutputCluster struct {
	ID         string `json:"id"`
	PrimaryDNS string `json:"primary_dns"`
	Release    string `json:"release"`
	Primary    string `json:"primary_instance_type"`
	Core       string `json:"core_instance_type"`
}

// Clients are the services that Read asks.
type Clients struct {
	EMR        *emr.Client
	SSM        *ssm.Client
	CloudWatch *cloudwatch.Client
}

// NewClients makes no request.
func NewClients(cfg aws.Config) Clients {
	return Clients{
		EMR: emr.NewFromConfig(cfg), SSM: ssm.NewFromConfig(cfg),
		CloudWatch: account.CloudWatch(cfg),
	}
}

// Cluster is one colour.
type Cluster struct {
	Colour     string  `json:"colour"`
	ID         string  `json:"id"`
	Active     bool    `json:"active"` // jobs are meant to go there
	State      string  `json:"state"`  // as EMR names it: WAITING, RUNNING, STARTING, ...; empty while unknown
	Reason     string  `json:"reason"` // EMR's reason for the state
	Release    string  `json:"release"`
	PrimaryDNS string  `json:"primary_dns"`
	Groups     []Group `json:"instance_groups"`
	Alarms     []Alarm `json:"alarms"` // those on memory, and any that is in alarm
	Error      string  `json:"error,omitempty"`

	// What only infra emr status asks for, or says.
	Applications []string      `json:"applications,omitempty"`
	Health       *Health       `json:"health,omitempty"`
	Support      *Support      `json:"support,omitempty"`
	Age          time.Duration `json:"-"` // since it was made; 0 while unknown
}

// Group is an instance group.
type Group struct {
	Type      string `json:"type"` // MASTER, CORE or TASK
	Instance  string `json:"instance_type"`
	State     string `json:"state"`
	Running   int    `json:"running"`
	Requested int    `json:"requested"`
}

// Alarm is a CloudWatch alarm.
type Alarm struct {
	Name  string `json:"name"`
	State string `json:"state"` // OK, ALARM or INSUFFICIENT_DATA
}

// Pointer is what tells jobs where to go.
type Pointer struct {
	Name      string `json:"name"`   // DNS name
	Target    string `json:"target"` // what it is meant to lead to
	Parameter string `json:"parameter"`
	Colour    string `json:"colour"`     // that the parameter holds
	ClusterID string `json:"cluster_id"` // that the parameter holds
	Error     string `json:"error,omitempty"`
}

// Status is the clusters.
type Status struct {
	Serving  bool      `json:"serving"`  // the active cluster takes jobs and the pointer leads to it
	Problems []string  `json:"problems"` // empty: healthy
	Reached  int       `json:"reached"`  // clusters whose state is known; with none, nothing is known
	Pointer  Pointer   `json:"pointer"`
	Clusters []Cluster `json:"clusters"` // by colour
}

// Read asks about every cluster at the same time. It never fails: what cannot
// be asked has an Error. alarmPrefix is the common part of the names of the
// layer's alarms, which a colour follows.
func Read(ctx context.Context, clients Clients, output Output, alarmPrefix string) Status {
	pointer, clusters := Recorded(output)
	var group sync.WaitGroup
	group.Go(func() { readPointer(ctx, clients.SSM, &pointer) })
	for i := range clusters {
		group.Go(func() {
			readCluster(ctx, clients.EMR, &clusters[i])
			if clusters[i].Error == "" {
				readAlarms(ctx, clients.CloudWatch, &clusters[i], alarmPrefix+clusters[i].Colour+"-")
			}
		})
	}
	group.Wait()
	return Judge(pointer, clusters, output.Active)
}

// Recorded is what the state alone knows: pointer and clusters, not asked.
func Recorded(output Output) (Pointer, []Cluster) {
	clusters := make([]Cluster, 0, len(output.Clusters))
	for _, colour := range slices.Sorted(maps.Keys(output.Clusters)) {
		c := output.Clusters[colour]
		clusters = append(clusters, Cluster{
			Colour: colour, ID: c.ID, Active: colour == output.Active, PrimaryDNS: c.PrimaryDNS, Groups: []Group{}, Alarms: []Alarm{},
		})
	}
	return Pointer{Name: output.PointerName, Target: output.Clusters[output.Active].PrimaryDNS, Parameter: output.Parameter}, clusters
}

func readPointer(ctx context.Context, client *ssm.Client, pointer *Pointer) {
	found, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(pointer.Parameter)})
	if err != nil {
		pointer.Error = gist(err)
		return
	}
	var value struct {
		Colour    string `json:"colour"`
		ClusterID string `json:"cluster_id"`
	}
	if found.Parameter == nil {
		pointer.Error = "it has no value"
	} else if err := json.Unmarshal([]byte(aws.ToString(found.Parameter.Value)), &value); err != nil {
		pointer.Error = fmt.Sprintf("its value cannot be read: %v", err)
	}
	pointer.Colour, pointer.ClusterID = value.Colour, value.ClusterID
}

func readCluster(ctx context.Context, client *emr.Client, c *Cluster) {
	described, err := client.DescribeCluster(ctx, &emr.DescribeClusterInput{ClusterId: aws.String(c.ID)})
	if err == nil && described.Cluster == nil {
		err = errors.New("it does not exist any more")
	}
	if err != nil {
		c.Error = gist(err)
		return
	}
	c.Release = aws.ToString(described.Cluster.ReleaseLabel)
	for _, application := range described.Cluster.Applications {
		c.Applications = append(c.Applications, aws.ToString(application.Name))
	}
	if dns := aws.ToString(described.Cluster.MasterPublicDnsName); dns != "" {
		c.PrimaryDNS = dns
	}
	if status := described.Cluster.Status; status != nil {
		c.State = string(status.State)
		if status.Timeline != nil && status.Timeline.CreationDateTime != nil {
			c.Age = time.Since(*status.Timeline.CreationDateTime)
		}
		if status.StateChangeReason != nil {
			c.Reason = aws.ToString(status.StateChangeReason.Message)
		}
	}
	pages := emr.NewListInstanceGroupsPaginator(client, &emr.ListInstanceGroupsInput{ClusterId: aws.String(c.ID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.Error = gist(err)
			return
		}
		for _, g := range page.InstanceGroups {
			group := Group{
				Type: string(g.InstanceGroupType), Instance: aws.ToString(g.InstanceType),
				Running: int(aws.ToInt32(g.RunningInstanceCount)), Requested: int(aws.ToInt32(g.RequestedInstanceCount)),
			}
			if g.Status != nil {
				group.State = string(g.Status.State)
			}
			c.Groups = append(c.Groups, group)
		}
	}
}

// readAlarms takes the cluster's alarms that are on memory or in alarm.
func readAlarms(ctx context.Context, client *cloudwatch.Client, c *Cluster, prefix string) {
	pages := cloudwatch.NewDescribeAlarmsPaginator(client, &cloudwatch.DescribeAlarmsInput{
		AlarmNamePrefix: aws.String(prefix), AlarmTypes: []cloudwatchtypes.AlarmType{cloudwatchtypes.AlarmTypeMetricAlarm},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.Error = gist(err)
			return
		}
		for _, alarm := range page.MetricAlarms {
			name := strings.TrimPrefix(aws.ToString(alarm.AlarmName), prefix)
			if strings.Contains(name, "memory") || alarm.StateValue == cloudwatchtypes.StateValueAlarm {
				c.Alarms = append(c.Alarms, Alarm{Name: name, State: string(alarm.StateValue)})
			}
		}
	}
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

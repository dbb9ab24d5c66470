package snapshot

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/inventory"
	"infra/internal/sandbox/emulator"
)

// machine is a host that remembers what it was told and whether it is frozen.
type machine struct {
	mu     sync.Mutex
	told   []string
	frozen bool
	timer  bool
	fires  bool // the timer ends the standstill before infra does
}

func (m *machine) run(_ context.Context, _ inventory.Host, _ io.Reader, argv ...string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := strings.TrimPrefix(strings.Join(argv, " "), "sudo -n ")
	m.told = append(m.told, line)
	switch {
	case strings.HasPrefix(line, "systemd-run"):
		m.timer = true
	case strings.HasPrefix(line, "fsfreeze --freeze"):
		if !m.timer {
			return nil, errors.New("frozen without a timer")
		}
		m.frozen = !m.fires
	case strings.HasPrefix(line, "fsfreeze --unfreeze"):
		if !m.frozen {
			return nil, errors.New("not frozen")
		}
		m.frozen = false
	case strings.HasPrefix(line, "systemctl stop infra-snapshot-"):
		m.timer = false
	}
	return nil, nil
}

// newChain is a chain on an emulator of which snapshots are complete at once.
func newChain(t *testing.T, api *emulator.Client, m *machine) (*Chain, Inputs) {
	t.Helper()
	client := ec2.New(ec2.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(api.Endpoint()), Credentials: credentials.NewStaticCredentialsProvider("id", "sandbox", ""),
	})
	made, err := client.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String("eu-west-1a"), Size: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	c := &Chain{
		EC2: client, Run: m.run, Tell: t.Logf, Live: func(string, ...any) {}, Environment: "test", ID: "20261122T080000Z-aaaaaa",
		Source: inventory.Host{ID: "i-0aaaaaaaa", Name: "postgresql-2", Zone: "eu-west-1a"}, Volume: aws.ToString(made.VolumeId),
		Mount: Mount{Path: "/var/lib/postgresql"}, Region: "eu-west-1", TargetZone: "eu-west-1a", Way: Freeze, Limit: 20 * time.Second, Poll: 10 * time.Millisecond,
	}
	return c, Inputs{
		Extent: Extent{Used: 100 << 20, Volume: 1 << 30}, Writes: Writes{Sequential: 1 << 20},
		Snapshot: Speed{Throughput: 1 << 20, Overhead: time.Second}, Target: 10 * time.Second,
	}
}

func TestExecute(t *testing.T) {
	api := newEmulator(t)
	m := &machine{}
	c, in := newChain(t, api, m)
	c.Target = ec2.New(c.EC2.Options(), func(o *ec2.Options) { o.Region = "eu-central-1" })
	c.TargetZone = "eu-central-1a"
	in.Copy = &Speed{Throughput: 1 << 20, Overhead: time.Second}
	var plans []Plan
	r, err := c.Execute(t.Context(), in, func(p Plan) { plans = append(plans, p) })
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Taken) != 2 || len(plans) != 2 || len(plans[0].Steps) != 2 || len(plans[1].Steps) != 1 {
		t.Fatalf("%d plans, %d snapshots", len(plans), len(r.Taken))
	}
	at := func(start string) int {
		return slices.IndexFunc(m.told, func(line string) bool { return strings.HasPrefix(line, start) })
	}
	order := []int{at("-u postgres psql"), at("systemd-run"), at("fsfreeze --freeze"), at("fsfreeze --unfreeze"), at("systemctl stop infra-snapshot-")}
	if !slices.IsSorted(order) || order[0] < 0 || m.frozen || m.timer {
		t.Errorf("%v in %v", order, m.told)
	}
	links, err := Links(t.Context(), c.EC2, c.Volume)
	if err != nil || len(links) != 2 {
		t.Fatalf("%d links: %v", len(links), err)
	}
	if links[0].Base != nothing || links[0].Consistency != "" || links[1].Base != "" || links[1].Consistency != Freeze || !links[1].Done || links[1].Step != 2 {
		t.Errorf("%+v", links)
	}
	copied, err := describe(t.Context(), c.Target, r.Snapshot)
	if err != nil || r.Taken[1].CopyID != r.Snapshot || !slices.ContainsFunc(copied.Tags, func(tag types.Tag) bool { return *tag.Key == tagStep && *tag.Value == "2" }) {
		t.Errorf("%+v: %v", copied, err)
	}
	found, err := c.Target.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{VolumeIds: []string{r.Volume}})
	if err != nil || *found.Volumes[0].SnapshotId != r.Snapshot || *found.Volumes[0].AvailabilityZone != "eu-central-1a" {
		t.Errorf("%+v: %v", found, err)
	}
}

// TestNothingStaysFrozen: whatever goes wrong while the database stands still,
// it goes on afterwards, the snapshot is not taken for the last one, and the
// next run goes on with the chain.
func TestNothingStaysFrozen(t *testing.T) {
	api := newEmulator(t)
	for _, test := range []struct {
		name   string
		fires  bool
		delay  time.Duration // of the API, once the first snapshot is there
		cancel bool          // infra is interrupted meanwhile
		err    string
	}{
		{"the API is slower than the limit", false, 4 * time.Second, false, "deadline"},
		{"infra is interrupted", false, 4 * time.Second, true, "cancel"},
		{"the timer was quicker", true, 0, false, "not frozen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &machine{fires: test.fires}
			c, in := newChain(t, api, m)
			c.Limit = 2 * time.Second
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := c.Execute(ctx, in, func(p Plan) {
				if len(p.Steps) == 1 && test.delay > 0 {
					if err := api.AddFaults(t.Context(), emulator.Fault{Action: "CreateSnapshot", DelayMS: int(test.delay.Milliseconds()), Count: 1}); err != nil {
						t.Error(err)
					}
				}
				if len(p.Steps) == 1 && test.cancel {
					time.AfterFunc(300*time.Millisecond, cancel)
				}
			})
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v", err)
			}
			if m.frozen {
				t.Error("the file system stayed frozen")
			}
			if err := api.ClearFaults(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(test.delay) // what was asked for is made even so
			links, err := Links(t.Context(), c.EC2, c.Volume)
			if err != nil || slices.ContainsFunc(links, func(l Link) bool { return l.Consistency != "" }) {
				t.Errorf("%+v: %v", links, err)
			}
			m.fires = false
			chain := links[0].Chain
			c.ID = "20261122T090000Z-bbbbbb"
			r, err := c.Execute(t.Context(), in, func(Plan) {})
			if err != nil || r.Chain != chain || len(r.Taken) != 1 {
				t.Errorf("the next run: %+v, %v", r, err)
			}
		})
	}
}

// TestGoingOn: what an earlier run has left decides what the next one does.
func TestGoingOn(t *testing.T) {
	api := newEmulator(t)
	c, in := newChain(t, api, &machine{})
	in.Target = time.Hour
	if _, err := c.Execute(t.Context(), in, func(Plan) {}); err != nil {
		t.Fatal(err)
	}
	links, err := Links(t.Context(), c.EC2, c.Volume)
	if err != nil || len(links) != 1 {
		t.Fatalf("%v, %v", links, err)
	}
	// It broke off after the last snapshot: only the volume is missing.
	if _, err := c.EC2.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{links[0].ID}, Tags: []types.Tag{{Key: aws.String(tagDone)}}}); err != nil {
		t.Fatal(err)
	}
	r, err := c.Execute(t.Context(), in, func(Plan) { t.Error("there is nothing to plan") })
	if err != nil || len(r.Taken) != 0 || r.Snapshot != links[0].ID || r.Volume == "" {
		t.Errorf("%+v, %v", r, err)
	}
	// That chain is done: the next one is a new one, which stands on it.
	c.ID = "20261122T100000Z-cccccc"
	r, err = c.Execute(t.Context(), in, func(p Plan) {
		if p.Inputs.Since == 0 {
			t.Error("the plan does not know of the earlier snapshot")
		}
	})
	if err != nil || r.Chain != c.ID {
		t.Errorf("%+v, %v", r, err)
	}
	// A target out of reach is refused, and nothing is made.
	in.Target = time.Millisecond
	c.ID = "20261122T110000Z-dddddd"
	if _, err = c.Execute(t.Context(), in, func(Plan) {}); err == nil || !strings.Contains(err.Error(), "not above the limit") {
		t.Errorf("%v", err)
	}
	if links, err = Links(t.Context(), c.EC2, c.Volume); err != nil || len(links) != 2 {
		t.Errorf("%d snapshots, %v", len(links), err)
	}
}

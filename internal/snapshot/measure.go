package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"infra/internal/inventory"
)

// Run executes a command on a host and returns its stdout, as the method of
// that name of an SSH client does.
type Run func(ctx context.Context, host inventory.Host, stdin io.Reader, argv ...string) ([]byte, error)

// Mount is the volume's file system as its host sees it.
type Mount struct {
	Device string // /dev/nvme1n1
	Number string // 259:3
	Path   string // /var/lib/postgresql
	Used   int64  // bytes
}

// FindMount finds a volume's file system on its host.
func FindMount(ctx context.Context, run Run, host inventory.Host, volume string) (Mount, error) {
	device, err := word(ctx, run, host, "sudo", "-n", "readlink", "--canonicalize-existing", "--", byID(volume))
	if err != nil {
		return Mount{}, fmt.Errorf("find %s on %s: %w", volume, host.Name, err)
	}
	m := Mount{Device: device}
	output, err := run(ctx, host, nil, "sudo", "-n", "findmnt", "--noheadings", "--first-only", "--raw", "--output", "MAJ:MIN,TARGET", "--source", device)
	if err != nil {
		return Mount{}, fmt.Errorf("%s is not mounted on %s: %w", volume, host.Name, err)
	}
	var ok bool
	if m.Number, m.Path, ok = strings.Cut(strings.TrimSpace(string(output)), " "); !ok || !path.IsAbs(m.Path) {
		return Mount{}, fmt.Errorf("%s is mounted on %s as %q", volume, host.Name, output)
	}
	sizes, err := numbers(ctx, run, host, "sudo", "-n", "stat", "--file-system", "--format=%S %b %f", "--", m.Path)
	if err != nil || len(sizes) != 3 {
		return Mount{}, fmt.Errorf("ask for the size of %s on %s: %v, %w", m.Path, host.Name, sizes, err)
	}
	m.Used = sizes[0] * (sizes[1] - sizes[2])
	return m, nil
}

// byID is the name that an EBS volume has on every host of EC2.
func byID(volume string) string {
	return "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_" + strings.Replace(volume, "-", "", 1)
}

func word(ctx context.Context, run Run, host inventory.Host, argv ...string) (string, error) {
	output, err := run(ctx, host, nil, argv...)
	return strings.TrimSpace(string(output)), err
}

func numbers(ctx context.Context, run Run, host inventory.Host, argv ...string) ([]int64, error) {
	output, err := run(ctx, host, nil, argv...)
	if err != nil {
		return nil, err
	}
	return parseNumbers(strings.Fields(string(output)))
}

func parseNumbers(words []string) ([]int64, error) {
	var all []int64
	for _, w := range words {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// sample is how many writes there were, and of how many bytes, in some hours.
type sample struct{ operations, bytes, hours float64 }

// writes takes every operation for one at a random place. One of several
// bytes touches at least one block, and one more for every 512 KiB that it is
// long, wherever it begins. The rate is the p95 of the samples.
func writes(samples []sample) Writes {
	var touched []float64
	for _, s := range samples {
		touched = append(touched, (s.operations+s.bytes/BlockBytes)/s.hours)
	}
	return Writes{Random: Percentile(touched, 0.95)}
}

// sampleEvery is how often a host's counters are read.
const sampleEvery = 5 * time.Second

// HostWrites measures on the host for a time.
func HostWrites(ctx context.Context, run Run, host inventory.Host, m Mount, during time.Duration) (Writes, error) {
	var samples []sample
	last, err := readCounters(ctx, run, host, m.Number)
	if err != nil {
		return Writes{}, err
	}
	began := time.Now()
	for at := began; time.Since(began) < during; {
		select {
		case <-ctx.Done():
			return Writes{}, ctx.Err()
		case <-time.After(min(sampleEvery, during)):
		}
		now, err := readCounters(ctx, run, host, m.Number)
		if err != nil {
			return Writes{}, err
		}
		hours := time.Since(at).Hours()
		at = time.Now()
		samples = append(samples, sample{operations: now.operations - last.operations, bytes: now.bytes - last.bytes, hours: hours})
		last = now
	}
	return writes(samples), nil
}

func readCounters(ctx context.Context, run Run, host inventory.Host, number string) (sample, error) {
	output, err := run(ctx, host, nil, "cat", "/proc/diskstats")
	if err != nil {
		return sample{}, err
	}
	return counters(string(output), number)
}

// counters reads the writes of a device from /proc/diskstats: field 8 counts
// writes, field 10 sectors of 512 bytes (Linux, admin-guide/iostats).
func counters(text, number string) (sample, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[0]+":"+fields[1] != number {
			continue
		}
		values, err := parseNumbers([]string{fields[7], fields[9]})
		if err != nil {
			return sample{}, fmt.Errorf("read /proc/diskstats: %w", err)
		}
		return sample{operations: float64(values[0]), bytes: float64(values[1]) * 512}, nil
	}
	return sample{}, fmt.Errorf("/proc/diskstats has no device %s", number)
}

// watched is how far back CloudWatch is asked, and fewest is how many hours it
// must know of.
const (
	watched = 14 * 24 * time.Hour
	fewest  = 24
)

// errTooFew says that CloudWatch does not know the volume for long enough.
var errTooFew = errors.New("CloudWatch knows too little of the volume")

// WatchedWrites are the p95 of the hours that CloudWatch remembers. Its error
// is errTooFew when those are too few.
func WatchedWrites(ctx context.Context, client *cloudwatch.Client, volume string) (Writes, int, error) {
	hours := map[time.Time]*sample{}
	for _, metric := range []string{"VolumeWriteOps", "VolumeWriteBytes"} {
		now := time.Now()
		found, err := client.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("AWS/EBS"), MetricName: aws.String(metric), StartTime: aws.Time(now.Add(-watched)), EndTime: aws.Time(now),
			Period: aws.Int32(3600), Statistics: []types.Statistic{types.StatisticSum},
			Dimensions: []types.Dimension{{Name: aws.String("VolumeId"), Value: aws.String(volume)}},
		})
		if err != nil {
			return Writes{}, 0, fmt.Errorf("ask CloudWatch for the writes of %s: %w", volume, err)
		}
		for _, point := range found.Datapoints {
			s := hours[aws.ToTime(point.Timestamp)]
			if s == nil {
				s = &sample{hours: 1}
				hours[aws.ToTime(point.Timestamp)] = s
			}
			if metric == "VolumeWriteOps" {
				s.operations = aws.ToFloat64(point.Sum)
			} else {
				s.bytes = aws.ToFloat64(point.Sum)
			}
		}
	}
	if len(hours) < fewest {
		return Writes{}, len(hours), errTooFew
	}
	var samples []sample
	for _, s := range hours {
		samples = append(samples, *s)
	}
	return writes(samples), len(hours), nil
}

// Enough tells an answer of WatchedWrites from one that has to be measured.
func Enough(err error) bool { return !errors.Is(err, errTooFew) }

package emr

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reading is what a metric was in the last 20 minutes.
type Reading struct {
	Last   float64   `json:"last"`
	Low    float64   `json:"low"`
	High   float64   `json:"high"`
	Points int       `json:"points"`
	At     time.Time `json:"at"` // of the last; to the minute
}

// Health is what CloudWatch says of a cluster; nil where it has nothing.
type Health struct {
	PrimaryMemory     *Reading  `json:"primary_memory_available_percent"` // the agent's, every minute
	PrimarySwap       *Reading  `json:"primary_swap_used_percent"`
	YARNMemory        *Reading  `json:"yarn_memory_available_percent"` // EMR's, every five minutes
	ContainersPending *Reading  `json:"containers_pending"`
	UnhealthyNodes    *Reading  `json:"unhealthy_nodes"`
	LostNodes         *Reading  `json:"lost_nodes"`
	AppsRunning       *Reading  `json:"apps_running"`
	AppsPending       *Reading  `json:"apps_pending"`
	MemoryByHour      []float64 `json:"primary_memory_lowest_by_hour"` // percent, of the last day, oldest first
	Error             string    `json:"error,omitempty"`
}

// The thresholds are those of the layer's alarms.
const (
	littleMemory   = 10.0 // percent of the primary's
	muchSwap       = 25.0 // percent of it
	littleYARN     = 15.0 // percent of YARN's
	sustained      = 3    // readings in a row
	trendHours     = 6    // that a trend needs at least
	trendHorizon   = 48.0 // hours that it looks ahead
	silenceAllowed = 20 * time.Minute
)

// always tells whether the metric kept above or below for as long as it was
// read, and that was more than a moment.
func (r *Reading) always(holds func(low, high float64) bool) bool {
	return r != nil && r.Points >= sustained && holds(r.Low, r.High)
}

// Needs are what the environment wants of a cluster and only a new one gets.
type Needs struct {
	Release      string
	Applications []string
	Primary      string // instance type
	Core         string
}

// Reasons says why a cluster should be replaced; none when it should not.
func Reasons(c Cluster, needs Needs, now time.Time) []string {
	reasons := ill(c)
	if warning := SupportOf(c.Release, now).Warning(); warning != "" {
		reasons = append(reasons, warning)
	}
	return append(reasons, differences(c, needs)...)
}

// ill says what is wrong with a cluster that only another one mends.
func ill(c Cluster) []string {
	reasons := []string{}
	add := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if c.State != "" && strings.HasPrefix(c.State, "TERMINAT") {
		add("it is %s%s", c.State, because(c.Reason))
	}
	if h := c.Health; h != nil {
		if h.PrimaryMemory.always(func(_, high float64) bool { return high < littleMemory }) {
			add("the primary has had less than %.0f%% of its memory left for %d readings, %.1f%% now", littleMemory, h.PrimaryMemory.Points, h.PrimaryMemory.Last)
		} else if hours, falling := Falling(h.MemoryByHour); falling {
			add("the primary's memory keeps falling: at this rate less than %.0f%% are left in %.0f hours", littleMemory, hours)
		}
		if h.PrimarySwap.always(func(low, _ float64) bool { return low > muchSwap }) {
			add("the primary has had more than %.0f%% of its swap in use for %d readings", muchSwap, h.PrimarySwap.Points)
		}
		if h.UnhealthyNodes.always(func(low, _ float64) bool { return low > 0 }) {
			add("%.0f nodes stay unhealthy", h.UnhealthyNodes.Last)
		}
		if h.LostNodes.always(func(low, _ float64) bool { return low > 0 }) {
			add("%.0f nodes stay lost", h.LostNodes.Last)
		}
	}
	return reasons
}

// differences are what the environment's file wants otherwise.
func differences(c Cluster, needs Needs) []string {
	var all []string
	if needs.Release != "" && c.Release != "" && c.Release != needs.Release {
		all = append(all, fmt.Sprintf("it has %s, the environment wants %s", c.Release, needs.Release))
	}
	for _, g := range c.Groups {
		what, wanted := "primary node is", needs.Primary
		if g.Type != "MASTER" {
			what, wanted = "core nodes are", needs.Core
		}
		if (g.Type == "MASTER" || g.Type == "CORE") && wanted != "" && g.Instance != "" && g.Instance != wanted {
			all = append(all, fmt.Sprintf("its %s %s, the environment wants %s", what, g.Instance, wanted))
		}
	}
	for _, application := range needs.Applications {
		if len(c.Applications) > 0 && !slices.ContainsFunc(c.Applications, func(has string) bool { return strings.EqualFold(has, application) }) {
			all = append(all, fmt.Sprintf("it lacks %s, which the environment wants", application))
		}
	}
	return all
}

// Behind are what the environment wants otherwise than the state knows the
// active cluster: what an apply does not do, since it takes a replacement.
func Behind(output Output, needs Needs) []string {
	c := output.Clusters[output.Active]
	return differences(Cluster{Release: c.Release, Groups: []Group{{Type: "MASTER", Instance: c.Primary}, {Type: "CORE", Instance: c.Core}}}, needs)
}

// Warnings are what is not well with a cluster and another one would not mend.
func Warnings(c Cluster) []string {
	warnings := []string{}
	h := c.Health
	if h == nil || !takesJobs(c.State) {
		return warnings
	}
	if h.Error != "" {
		warnings = append(warnings, "CloudWatch: "+h.Error)
	}
	if h.YARNMemory.always(func(_, high float64) bool { return high < littleYARN }) && h.ContainersPending.always(func(low, _ float64) bool { return low > 0 }) {
		warnings = append(warnings, fmt.Sprintf("%.0f containers wait while YARN has %.0f%% of its memory left: raise products.pipeline.emr.max_capacity, or give jobs less", h.ContainersPending.Last, h.YARNMemory.Last))
	}
	if h.PrimaryMemory == nil && h.Error == "" && c.Age > silenceAllowed {
		warnings = append(warnings, "the agent on the primary does not report its memory")
	}
	return warnings
}

// Falling tells whether the primary's free memory, lowest of each hour, falls
// so that little is left within the horizon, and in how many hours. It wants
// a line that explains most of what was seen: work that comes and goes is no
// trend.
func Falling(byHour []float64) (hours float64, falling bool) {
	n := float64(len(byHour))
	if len(byHour) < trendHours {
		return 0, false
	}
	var sumX, sumY, sumXX, sumXY, sumYY float64
	for i, y := range byHour {
		x := float64(i)
		sumX, sumY, sumXX, sumXY, sumYY = sumX+x, sumY+y, sumXX+x*x, sumXY+x*y, sumYY+y*y
	}
	spreadX, spreadY, both := n*sumXX-sumX*sumX, n*sumYY-sumY*sumY, n*sumXY-sumX*sumY
	if spreadX <= 0 || spreadY <= 0 || both >= 0 || both*both/(spreadX*spreadY) < 0.8 {
		return 0, false
	}
	slope := both / spreadX
	now := (sumY + slope*(n*(n-1)-sumX)) / n // the line's value at the last hour
	hours = (littleMemory - now) / slope
	return max(hours, 0), hours < trendHorizon
}

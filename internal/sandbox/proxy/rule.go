package proxy

import (
	"fmt"
	"regexp"
	"time"
)

// Rule says which requests meet which fault. The zero value of a field
// matches everything. Of several rules that match, all delays are added up
// and of the others the first counts.
type Rule struct {
	Method  string         // GET, PUT, ...
	Path    *regexp.Regexp // found in the escaped path with "?" and the query
	Service string         // by its signing name: s3, kms, sts, ec2, ...
	Action  string         // for APIs with one path: GetCallerIdentity, DescribeKey, ...
	After   int            // so many matching requests pass first
	Count   int            // so many meet the fault, then all pass; 0 is every one
	Do      Fault
}

// armed is a rule with what it has seen.
type armed struct {
	Rule
	seen int
}

// matches says whether a rule is about a request.
func (r Rule) matches(request Request) bool {
	return (r.Method == "" || r.Method == request.Method) &&
		(r.Service == "" || r.Service == request.Service) &&
		(r.Action == "" || r.Action == request.Action) &&
		(r.Path == nil || r.Path.MatchString(request.URI()))
}

// due counts a matching request and says whether it meets the fault.
func (a *armed) due() bool {
	a.seen++
	return a.seen > a.After && (a.Count == 0 || a.seen <= a.After+a.Count)
}

// kind is how a fault shows.
type kind int

const (
	nothing kind = iota
	answers
	resets
	stalls
	delays
	paces
	drips
	cuts
	loses
)

// Fault is what happens to a request. The zero value is none: the request
// passes.
type Fault struct {
	kind     kind
	status   int
	code     string
	duration time.Duration
	due      time.Time // when the answer to one request may begin
	bytes    int
}

// Answer is an error of AWS instead of the server's answer: an HTTP status and
// the error's code, such as 503 and SlowDown, or 400 and
// KMS.DisabledException, in the shape that the service's clients read.
func Answer(status int, code string) Fault { return Fault{kind: answers, status: status, code: code} }

// Reset ends the connection (RST) before the server has seen the request.
func Reset() Fault { return Fault{kind: resets} }

// Stall says nothing for a while and then ends the connection; a duration of
// zero waits until the caller hangs up or the proxy is closed. The server does
// not see the request.
func Stall(d time.Duration) Fault {
	if d == 0 {
		d = -1
	}
	return Fault{kind: stalls, duration: d}
}

// Delay is latency: the request passes after a while.
func Delay(d time.Duration) Fault { return Fault{kind: delays, duration: d} }

// Pace is a server that is as far away as the caller sees it: its answer begins
// no sooner than so long after the request, its own work counted in.
func Pace(d time.Duration) Fault { return Fault{kind: paces, duration: d} }

// Drip sends the body of the answer slowly, at so many bytes per second.
func Drip(bytesPerSecond int) Fault { return Fault{kind: drips, bytes: max(1, bytesPerSecond)} }

// Cut ends the connection (FIN) after so many bytes of the answer's body; after
// none, before its headers.
func Cut(after int) Fault { return Fault{kind: cuts, bytes: after} }

// Lose lets the server do what it is asked for and resets the connection
// instead of passing on its answer: the caller cannot know.
func Lose() Fault { return Fault{kind: loses} }

// String names the fault in a log of requests; a fault that is none is "".
func (f Fault) String() string {
	switch f.kind {
	case answers:
		return fmt.Sprintf("%d %s", f.status, f.code)
	case resets:
		return "reset"
	case stalls:
		return "stall"
	case delays:
		return "delay"
	case paces:
		return "pace"
	case drips:
		return "drip"
	case cuts:
		return "cut"
	case loses:
		return "lose"
	case nothing:
	}
	return ""
}

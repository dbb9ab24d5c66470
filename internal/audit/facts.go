package audit

import (
	"net/netip"
	"slices"
	"time"
)

// Part is a part of the facts, which is had or not as a whole.
type Part string

// The parts.
const (
	Network   Part = "network"   // groups, hosts, addresses, load balancers
	Identity  Part = "identity"  // roles, users and their policies
	Buckets   Part = "buckets"   // S3
	Volumes   Part = "volumes"   // volumes, snapshots, images
	Databases Part = "databases" // RDS
	Clusters  Part = "clusters"  // EMR
	Messages  Part = "messages"  // SNS and SQS
	Keys      Part = "keys"      // KMS
	Logs      Part = "logs"      // log groups
	Trails    Part = "trails"
	Alarms    Part = "alarms"
)

// Thing is what a finding can be about.
type Thing struct {
	Type string // Terraform's, such as aws_s3_bucket
	ID   string // as the state has it
	Name string // for people, when it is another
}

// Key is how a thing is found in the states.
func (t Thing) Key() string { return t.Type + " " + t.ID }

func (t Thing) itself() Thing { return t }

func (t Thing) label() string {
	if t.Name == "" || t.Name == t.ID {
		return t.ID
	}
	return t.Name + " (" + t.ID + ")"
}

// Managed is what the states and the code know of a thing.
type Managed struct {
	Stack   string
	Address string
	Place   *Place // nil when the block is not in this checkout
	Skips   []Skip
}

// Skip is a comment in a resource's block that a check shall be left out.
type Skip struct {
	ID, Reason string
	Place      Place
}

// Unasked is a part that could not be had.
type Unasked struct {
	Part Part   `json:"part"`
	Why  string `json:"why"`
}

// Facts is everything that the rules judge.
type Facts struct {
	Environment string
	Account     string
	Now         time.Time
	Unasked     []Unasked
	Managed     map[string]Managed // by Key

	Watched  []Thing // alarms that the states have
	VPC      VPC
	Groups   []Group
	Subnets  []Subnet
	ACLs     []ACL
	Hosts    []Host
	Balancer []Balancer

	Principals []Principal
	RootKeys   int
	RootMFA    bool // it has a second factor

	Buckets      []Bucket
	AccountBlock bool // the whole account is closed to public buckets

	Volumes          []Volume
	Shared           []Shared // snapshots and images
	EncryptByDefault bool

	Databases []Database
	Clusters  []Cluster
	EMRBlocks bool // EMR refuses clusters whose groups are public

	Messages []Message
	Keys     []Key
	Logs     []LogGroup
	Trails   []Trail
	Alarms   []Alarm
}

func (f *Facts) missing(needs []Part) Part {
	for _, u := range f.Unasked {
		if slices.Contains(needs, u.Part) {
			return u.Part
		}
	}
	return ""
}

// VPC is the environment's network; without an id there is none yet.
type VPC struct {
	Thing
	Ranges []netip.Prefix
	Peers  []netip.Prefix // of networks that it is peered with
	Flows  bool           // flow logs are written
}

// Group is a security group with whom it lets in.
type Group struct {
	Thing
	Default bool
	Ingress []Ingress
	Egress  int
	Members []Member
}

// Ingress is one rule that lets something in: from one network, from a list of
// them, or from the members of another group.
type Ingress struct {
	Thing
	Protocol string // tcp, udp, icmp, -1 for all
	From, To int    // -1 for all ports
	Ranges   []netip.Prefix
	List     string // of a prefix list, whose entries are in Ranges
	Group    string // of another group
	Name     string // of that group, when it is known
}

// Member is what a group protects: a host, an interface, a database.
type Member struct {
	Name   string
	Public string // its public address; empty: none
}

// Subnet is a part of the network.
type Subnet struct {
	Thing
	Public bool // what starts in it gets a public address
}

// ACL is a network ACL, which stands in front of subnets.
type ACL struct {
	Thing
	Default bool
	Entries []Entry // of those that let in or keep out, in the order of their numbers
}

// Entry is one line of a network ACL.
type Entry struct {
	Deny     bool
	Protocol string // as a number, or -1 for all
	From, To int    // -1 for all ports
	Range    netip.Prefix
}

// Host is an EC2 instance.
type Host struct {
	Thing
	Layer     string // the tag, such as postgresql
	Cluster   string // the tag
	Public    string // its public address; empty: none
	Addressed *Thing // the elastic address that it is; nil: given by the subnet
	OldTokens bool   // its metadata is given without a token
}

// Balancer is a load balancer.
type Balancer struct {
	Thing
	Public bool
	Logs   bool
}

// Principal is a role or a user.
type Principal struct {
	Thing
	Own      bool // made for this environment: by its code, its tag or its name
	Service  bool // in AWS' own path: made for a service, cannot be changed
	Trust    Policy
	Policies []Attached
	Boundary *Policy // nil: none
	Created  time.Time
	Used     time.Time // zero: never, as far as AWS knows
	Keys     []AccessKey
	Console  bool // a user with a password
	MFA      bool // a user with a second factor
}

// Attached is a policy of a principal.
type Attached struct {
	Policy
	Direct bool // of a user itself, not of a group that it is in
}

// AccessKey is a long-lived key of a user.
type AccessKey struct {
	ID      string
	Active  bool
	Created time.Time
	Used    time.Time // zero: never
}

// Bucket is an S3 bucket.
type Bucket struct {
	Thing
	Policy     Policy
	OpenACL    bool // an ACL grants something to everybody
	Blocked    bool // all four blocks of public access are on
	Encryption string
	LogsTo     string // the bucket of its access logs
	LogsOf     bool   // others' access logs are delivered to it
}

// Volume is an EBS volume.
type Volume struct {
	Thing
	Encrypted bool
	Host      string // the instance that it is attached to
	Layer     string // that instance's tag
}

// Shared is a copy that could be given to others: a snapshot or an image.
type Shared struct {
	Thing
	Encrypted bool
	Public    bool
	Accounts  []string // others that it is shared with
}

// Database is an RDS instance.
type Database struct {
	Thing
	Public    bool
	Encrypted bool
	Logs      bool // exported
}

// Cluster is an EMR cluster that runs.
type Cluster struct {
	Thing
	AtRest    bool // S3 and local disks
	InTransit bool
}

// Message is a topic or a queue.
type Message struct {
	Thing
	Encrypted bool
	Policy    Policy
}

// Key is a KMS key of the account.
type Key struct {
	Thing
	Rotates   bool
	Rotatable bool // a symmetric one of KMS' own making
	Leaving   bool // its deletion is scheduled
	Grants    Policy
}

// LogGroup is one of CloudWatch.
type LogGroup struct {
	Thing
	Encrypted bool
	Forever   bool
}

// Trail is one of CloudTrail.
type Trail struct {
	Thing
	Logging, Everywhere, Validated, Encrypted bool
}

// Alarm is one of CloudWatch, with what it looks at.
type Alarm struct {
	Thing
	Acts    bool // it tells somebody
	Metrics []Metric
}

// Metric is one series that an alarm looks at.
type Metric struct {
	Namespace, Name string
	Dimensions      map[string]string
}

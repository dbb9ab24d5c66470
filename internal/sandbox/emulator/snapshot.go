package emulator

import "time"

// Snapshot is everything the emulator holds that a reconciler turns into
// hosts, addresses, networks and names: all accounts, all regions, at one
// Version. Slices are sorted by id, so two snapshots of one version are equal.
type Snapshot struct {
	// Version grows with every call that may have changed something.
	Version uint64 `json:"version"`
	// Unchanged is true when the version asked about is still the current
	// one; everything else is empty then.
	Unchanged bool `json:"unchanged"`

	VPCs            []VPC            `json:"vpcs"`
	Subnets         []Subnet         `json:"subnets"`
	Instances       []Instance       `json:"instances"`
	PublicAddresses []PublicAddress  `json:"public_addresses"`
	Volumes         []Volume         `json:"volumes"`
	VolumeSnapshots []VolumeSnapshot `json:"volume_snapshots"`
	Images          []Image          `json:"images"`
	SecurityGroups  []SecurityGroup  `json:"security_groups"`
	DNSZones        []DNSZone        `json:"dns_zones"`
}

// VPC is one virtual network.
type VPC struct {
	ID      string `json:"id"`
	CIDR    string `json:"cidr"`
	Region  string `json:"region"`
	Account string `json:"account"`
}

// Subnet is one range of a VPC in one zone.
type Subnet struct {
	ID   string `json:"id"`
	VPC  string `json:"vpc"`
	CIDR string `json:"cidr"`
	Zone string `json:"zone"`
}

// State is an instance's state by EC2's own name.
type State string

// The states of an instance, in the order it goes through them. With
// Options.Hosts the emulator holds Pending, Stopping and ShuttingDown until
// ConfirmState says otherwise.
const (
	Pending      State = "pending"
	Running      State = "running"
	Stopping     State = "stopping"
	Stopped      State = "stopped"
	ShuttingDown State = "shutting-down"
	Terminated   State = "terminated"
)

// StopMode is how the last stop of an instance was asked for.
type StopMode string

// The ways to stop: Graceful shuts the system down, Force cuts the power when
// that takes too long, SkipOS cuts it at once (StopInstances or
// TerminateInstances with SkipOsShutdown).
const (
	Graceful StopMode = "graceful"
	Force    StopMode = "force"
	SkipOS   StopMode = "skip-os"
)

// Instance is one EC2 instance with what its host must know of itself.
type Instance struct {
	ID       string   `json:"id"`
	Account  string   `json:"account"`
	Region   string   `json:"region"`
	VPC      string   `json:"vpc"`
	Subnet   string   `json:"subnet"`
	Zone     string   `json:"zone"`
	State    State    `json:"state"`
	StopMode StopMode `json:"stop_mode"`
	// Boot is 1 at the launch and one more at every start after a stop.
	Boot int `json:"boot"`
	// Reboots counts RebootInstances calls since the launch.
	Reboots          int       `json:"reboots"`
	PrimaryAddress   string    `json:"primary_address"`
	PrivateAddresses []string  `json:"private_addresses"`
	MAC              string    `json:"mac"`
	Image            string    `json:"image"`
	Type             string    `json:"type"`
	Launched         time.Time `json:"launched"`
	KeyName          string    `json:"key_name"`
	PublicKey        string    `json:"public_key"`
	// UserData is base64 as in the API, "" when the instance has none.
	UserData       string            `json:"user_data"`
	ProfileARN     string            `json:"profile_arn"`
	RoleName       string            `json:"role_name"`
	RoleARN        string            `json:"role_arn"`
	SecurityGroups []string          `json:"security_groups"`
	Tags           map[string]string `json:"tags"`
	Volumes        []Attachment      `json:"volumes"`
	// MetadataTags is true when instance tags are served by the metadata
	// service.
	MetadataTags bool `json:"metadata_tags"`
	// SourceDestCheck is false on hosts that may send packets of others.
	SourceDestCheck bool `json:"source_dest_check"`
	// EMRCluster is the cluster that the instance was made for, or "".
	EMRCluster string `json:"emr_cluster"`
}

// Attachment is a volume as seen by the instance that holds it.
type Attachment struct {
	ID     string `json:"id"`
	Device string `json:"device"`
	SizeGB int    `json:"size_gb"`
	// Root is true for the volume made from the image.
	Root bool `json:"root"`
}

// PublicAddress is an elastic IP or an instance's own public address.
// Instance and PrivateAddress are "" while nothing uses it; Allocation is ""
// for an address that comes and goes with its instance.
type PublicAddress struct {
	Address        string `json:"address"`
	Allocation     string `json:"allocation"`
	Instance       string `json:"instance"`
	PrivateAddress string `json:"private_address"`
	VPC            string `json:"vpc"`
}

// Volume is one EBS volume; Instance is "" while it is not attached.
type Volume struct {
	ID       string `json:"id"`
	SizeGB   int    `json:"size_gb"`
	Instance string `json:"instance"`
	Zone     string `json:"zone"`
	Snapshot string `json:"snapshot"`
}

// VolumeSnapshot is one EBS snapshot. With Options.Hosts it is pending, and the
// call that made it waits, until ConfirmSnapshot says otherwise.
type VolumeSnapshot struct {
	ID      string    `json:"id"`
	Region  string    `json:"region"`
	Volume  string    `json:"volume"`
	SizeGB  int       `json:"size_gb"`
	Source  string    `json:"source"` // the snapshot that it is a copy of, or ""
	Taken   bool      `json:"taken"`  // its bytes are kept
	State   string    `json:"state"`  // "pending", "completed"
	Started time.Time `json:"started"`
}

// SnapshotProgress is how far a snapshot is.
type SnapshotProgress struct {
	Percent int   `json:"percent"` // 100: it is complete
	Bytes   int64 `json:"bytes"`   // of the whole volume that hold something
}

// Image is a machine image that was made of an instance. With Options.Hosts it
// is pending until ConfirmImage says otherwise.
type Image struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
	State    string `json:"state"` // "pending", "available"
}

// SecurityGroup is a group with the rules in force.
type SecurityGroup struct {
	ID      string         `json:"id"`
	VPC     string         `json:"vpc"`
	Ingress []SecurityRule `json:"ingress"`
	Egress  []SecurityRule `json:"egress"`
}

// SecurityRule allows Protocol ("-1" is any, otherwise tcp, udp, icmp or a
// number) on ports From to To (both -1: all) with peers named by range or by
// security group.
type SecurityRule struct {
	Protocol string   `json:"protocol"`
	From     int      `json:"from"`
	To       int      `json:"to"`
	CIDRs    []string `json:"cidrs"`
	Groups   []string `json:"groups"`
}

// DNSZone is a private hosted zone; Name has no trailing dot.
type DNSZone struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	VPCs    []string    `json:"vpcs"`
	Records []DNSRecord `json:"records"`
}

// DNSRecord is one record set; Name has no trailing dot, TTL is in seconds.
type DNSRecord struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	TTL    int      `json:"ttl"`
	Values []string `json:"values"`
}

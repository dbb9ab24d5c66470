package environment

import "encoding/json"

// Settings are the keys of an environment file, with everything inherited
// and every default filled in. The same types, through their tags, are the
// JSON Schema, the reference in environments/README.md and the objects that
// Terraform receives, so a key is described in one place only.
//
// Tags: json is the key; doc the description; default a YAML value; enum the
// allowed values; min and max bound a number, or the entries of a list;
// format names an entry of the formats table (for a list: of each entry);
// unique refuses an entry twice; required must be set once everything is
// merged.
type Settings struct {
	Extends     string            `json:"extends" format:"name" doc:"The environment file, without .yaml, whose values this one starts from. Maps are merged key by key; a list or a single value replaces the inherited one."`
	Account     string            `json:"account" format:"account" required:"true" doc:"The AWS account, 12 digits, in quotes. A file that neither sets nor inherits it is a base: others may extend it, nothing can be applied to it."`
	Region      string            `json:"region" format:"region" required:"true" doc:"The AWS region that holds everything of this environment."`
	Protected   bool              `json:"protected" default:"false" doc:"Every change asks for the environment's name (typed, or by --confirm; --auto-approve does not answer for it) and comes from a clean checkout of the main branch's newest commit."`
	Emulated    bool              `json:"emulated" default:"false" doc:"The AWS API of this environment is the sandbox's emulator. Never true for a real account."`
	Endpoint    string            `json:"endpoint" format:"endpoint" default:"\"\"" doc:"Address of the emulator on this machine; only together with emulated: true, and then required."`
	Role        *Role             `json:"role" doc:"The IAM role that Terraform, its backend and infra itself assume. Without it the caller's own credentials are used. null removes an inherited one."`
	State       State             `json:"state" doc:"Where the Terraform states, the lease and the ledger live."`
	Recovery    *Recovery         `json:"recovery" doc:"Where a second copy is of what cannot be made again, for infra rebuild. null removes an inherited one."`
	RebuiltFrom string            `json:"rebuilt_from" format:"origin" default:"\"\"" doc:"The environment that this one was rebuilt from in another region; the database's hosts may read that one's second copy. infra rebuild writes it."`
	Tags        map[string]string `json:"tags" default:"{}" doc:"Tags that every resource of the environment gets."`
	SSH         SSH               `json:"ssh" doc:"How hosts are reached."`
	Hosts       Hosts             `json:"hosts" doc:"What Ansible does on every host, whatever its layer."`
	Maintenance []string          `json:"maintenance" format:"window" unique:"true" max:"20" default:"[]" doc:"When infra fleet may change the environment: days, hours by the clocks of a zone; hours that end before they begin end on the next day. Without any: always. infra apply does not look at it."`
	Drift       Drift             `json:"drift" doc:"What infra drift reports."`
	Audit       Audit             `json:"audit" doc:"What infra audit reports."`
	Notify      Notify            `json:"notify" doc:"Who is told what a run, a drill or a look for drift came to."`
	Products    Products          `json:"products" doc:"Settings of each product."`
}

// Role is what is assumed before anything is done in the account.
type Role struct {
	ARN        string `json:"arn" format:"role_arn" required:"true" doc:"ARN of the role, in the environment's own account."`
	ExternalID string `json:"external_id" format:"external_id" default:"\"\"" doc:"External id that the role's trust policy asks for."`
}

// State is the place of the Terraform states.
type State struct {
	Bucket string `json:"bucket" format:"bucket" default:"\"\"" doc:"Name of the S3 bucket. Default: infra-state-<account>-<region>."`
}

// Recovery is where a second copy of what cannot be made again is.
type Recovery struct {
	Region string `json:"region" format:"region" required:"true" doc:"Another region. A bucket there gets a second copy of the database's backups and WAL, and of the states after each run. While that region is out of reach, WAL waits on the primary."`
}

// SSH is how operators and Ansible reach hosts.
type SSH struct {
	User       string   `json:"user" format:"user" default:"admin" doc:"Account on the hosts that Ansible and operators log in to; the image's own."`
	PublicKeys []string `json:"public_keys" format:"public_key" unique:"true" default:"[]" doc:"Public keys of the operators and the pipeline. The first becomes the EC2 key pair, which a new host knows; infra apply gives the hosts all of them. An emulated environment may leave it empty: infra makes a key of its own."`
}

// Hosts is what is the same on every host.
type Hosts struct {
	Upgrade     bool   `json:"upgrade" default:"true" doc:"Install pending security updates when a host is configured, besides the unattended ones. false where hosts reach no package archive."`
	LogShipping string `json:"log_shipping" enum:"none,cloudwatch" default:"none" doc:"Where the hosts' logs go besides their own journal."`
}

// Drift is what is known to differ and does not count.
type Drift struct {
	Ignore []string `json:"ignore" format:"noise" unique:"true" max:"200" default:"[]" doc:"Known noise: a resource's ADDRESS, one of its attributes as ADDRESS#ATTRIBUTE, task:NAME of Ansible, or instance:ID or NAME; * stands for any text. infra drift lists what it hides."`
}

// Audit is what is known and accepted.
type Audit struct {
	Ignore []string `json:"ignore" format:"exception" unique:"true" max:"200" default:"[]" doc:"Known exceptions, each as RULE WHICH because REASON: a rule of infra audit, and the address or name of what it shall not count for; * stands for any text. infra audit lists them with their reasons."`
}

// Notify is who is told, and of what. Addresses that are secrets are not here:
// the environment of infra has them, by the names that stand here.
type Notify struct {
	Run           string `json:"run" enum:"never,failed,always" default:"failed" doc:"When to tell what became of a command that may change something. Refused, locked and interrupted count as failed."`
	Drill         string `json:"drill" enum:"never,failed,always" default:"always" doc:"When to tell what became of a drill."`
	Drift         string `json:"drift" enum:"never,failed,always" default:"failed" doc:"When to tell what infra drift has found; failed: when there is drift, or it could not be looked at."`
	Slack         string `json:"slack" format:"variable" default:"\"\"" doc:"Name of the environment variable that holds the address of Slack's incoming webhook."`
	Webhook       string `json:"webhook" format:"variable" default:"\"\"" doc:"Name of the environment variable that holds an address which gets the outcome as JSON (infra/outcome/v1) by POST."`
	WebhookSecret string `json:"webhook_secret" format:"variable" default:"\"\"" doc:"Name of the environment variable that holds the key which the webhook's body is signed with: X-Infra-Signature is sha256= and its HMAC in hex."`
	SNS           string `json:"sns" format:"topic_arn" default:"\"\"" doc:"ARN of an SNS topic. The plan and apply roles of the environment may publish to it once an administrator has applied this (a role changes no role); where the topic is encrypted or of another account, its key and its policy have to let them."`
	Template      string `json:"template" format:"template" default:"\"\"" doc:"Text for Slack and SNS, as Go's text/template over the outcome, such as {{.Title}} by {{.Who}}. YAML's >- lets it stand on several lines; {{\"\\n\"}} ends one. infra notify ENV --print shows what comes of it."`
}

// Products holds the settings of every product; its keys are the products.
type Products struct {
	Baseline Baseline `json:"baseline" doc:"What must outlive the rest: keys, backup and log buckets, audit trail, alert topic, roles."`
	Pipeline Pipeline `json:"pipeline" doc:"The platform itself."`
}

// Baseline is the product of what must outlive the rest. Retentions are in
// days.
type Baseline struct {
	AlertEmails         []string `json:"alert_emails" format:"email" unique:"true" default:"[]" doc:"Addresses that the alert topic writes to; each has to confirm once."`
	BackupRetentionDays int      `json:"backup_retention_days" min:"1" max:"3650" default:"3" doc:"Days back that a restore is possible to. A full backup goes when a younger one is that old; what was deleted can be had back for that long and 7 days more."`
	BackupObjectLock    string   `json:"backup_object_lock" enum:"none,governance,compliance" default:"none" doc:"Keep every version of a backup from being deleted before backup_retention_days are over: governance, by all but a few privileged callers; compliance, by everybody, the account's root included. It cannot be switched off again for what was written meanwhile."`
	LogRetentionDays    int      `json:"log_retention_days" enum:"1,3,5,7,14,30,60,90,120,150,180,365,400,545,731,1096,1827,2192,2557,2922,3288,3653" default:"365" doc:"Days that logs are kept, one of the values CloudWatch Logs knows."`
	Trail               bool     `json:"trail" default:"true" doc:"Make a CloudTrail of every call in the account. false where the organisation has one already."`
	AccountHardening    bool     `json:"account_hardening" default:"true" doc:"Set the account's own defaults: no public buckets or snapshots, encrypted disks, metadata by token only, no serial console. false where the organisation sets them."`
	CI                  *CI      `json:"ci" doc:"The repository whose pipeline may plan (any pull request) and apply (the named branch) by OpenID Connect. null removes an inherited one."`
}

// CI is the pipeline that is trusted to plan and apply.
type CI struct {
	Provider   string `json:"provider" enum:"github,gitlab" default:"github" doc:"Who runs the pipeline."`
	Repository string `json:"repository" format:"repository" required:"true" doc:"The repository as organisation/name."`
	Branch     string `json:"branch" format:"branch" default:"master" doc:"The only branch that may apply."`
}

// Pipeline is the platform: a network and the layers in it.
type Pipeline struct {
	Image      Image      `json:"image" doc:"The machine image of new hosts; the newest that matches. A host keeps the one it was made of, and infra drift tells when a name without * pins another."`
	VPC        VPC        `json:"vpc" doc:"Layer vpc: the network, its endpoints and the way in."`
	Zookeeper  Zookeeper  `json:"zookeeper" doc:"Layer zookeeper: the ensemble."`
	PostgreSQL PostgreSQL `json:"postgresql" doc:"Layer postgresql: primary, standbys and witness, or RDS in their place."`
	EMR        EMR        `json:"emr" doc:"Layer emr: the clusters, one of which is in use."`
}

// Debian's own images, which the settings default to.
const (
	DebianOwner = "136693071363"
	DebianImage = "debian-12-amd64-*"
)

// Image selects the machine image.
type Image struct {
	Owner string `json:"owner" format:"image_owner" default:"\"136693071363\"" doc:"Account that publishes the image, 12 digits in quotes; the default is Debian's. For an image of infra image build: the environment's own."`
	Name  string `json:"name" format:"image_name" default:"debian-12-amd64-*" doc:"Name of the image; * stands for anything. Hosts are made for Debian 12."`
}

// VPC is the network layer.
type VPC struct {
	CIDR                 string   `json:"cidr" format:"cidr" required:"true" doc:"The network's private range, /16 to /20. It may not overlap that of another environment in the same account and region."`
	Zones                []string `json:"zones" format:"zone" unique:"true" min:"3" max:"3" default:"[a, b, c]" doc:"Letters of three availability zones of the region."`
	NAT                  string   `json:"nat" enum:"none,single,per_zone" default:"single" doc:"Gateways for private hosts: none, one for all (cheaper), or one a zone (survives the loss of a zone)."`
	InterfaceEndpoints   []string `json:"interface_endpoints" format:"service" unique:"true" default:"[ssm, ssmmessages, ec2messages, logs, monitoring, kms, secretsmanager, sts, ec2, elasticmapreduce]" doc:"AWS services that are reached inside the network instead of through NAT."`
	FlowLogRetentionDays int      `json:"flow_log_retention_days" enum:"1,3,5,7,14,30,60,90,120,150,180,365,400,545,731,1096,1827,2192,2557,2922,3288,3653" default:"365" doc:"Days that flow logs are kept, one of the values CloudWatch Logs knows."`
	Access               string   `json:"access" enum:"bastion,ssm" default:"bastion" doc:"The way to private hosts: a bastion host with a public address, or Systems Manager without one."`
	BastionInstanceType  string   `json:"bastion_instance_type" format:"instance_type" default:"t3.micro" doc:"Instance type of the bastion."`
	BastionAllowedCIDRs  []string `json:"bastion_allowed_cidrs" format:"cidr" unique:"true" default:"[]" doc:"Networks that may reach the bastion's SSH port. At least one when access is bastion; the whole internet is refused."`
	ZoneName             string   `json:"zone_name" format:"domain" default:"\"\"" doc:"Name of the private DNS zone. Default: <environment>.internal."`
}

// Zookeeper is the ensemble's layer. Volumes are in GiB, the heap in MiB.
type Zookeeper struct {
	Size         int    `json:"size" enum:"1,3,5,7" default:"3" doc:"Servers in the ensemble: an odd number, so that a majority exists. 1 survives no loss, 3 one, 5 two."`
	InstanceType string `json:"instance_type" format:"instance_type" default:"t3.small" doc:"Instance type of each server."`
	DataVolumeGB int    `json:"data_volume_gb" min:"1" max:"16384" default:"20" doc:"GiB for snapshots."`
	LogVolumeGB  int    `json:"log_volume_gb" min:"1" max:"16384" default:"10" doc:"GiB for the transaction log, on a volume of its own because every write waits for it."`
	HeapMB       int    `json:"heap_mb" min:"128" max:"65536" default:"512" doc:"MiB of Java heap; leave half of the machine's memory to the page cache."`
}

// PostgreSQL is the database layer. Volumes are in GiB.
type PostgreSQL struct {
	Engine              string   `json:"engine" enum:"postgresql,rds" default:"postgresql" doc:"postgresql: hosts that infra runs, with failover by repmgr. rds: the managed service, in two zones."`
	Version             string   `json:"version" enum:"15,16,17" default:"\"15\"" doc:"Major version, in quotes."`
	Standbys            int      `json:"standbys" min:"1" max:"5" default:"1" doc:"Hot standbys beside the primary. A witness is always added."`
	InstanceType        string   `json:"instance_type" format:"instance_type" default:"m6i.large" doc:"Instance type of primary and standbys."`
	WitnessInstanceType string   `json:"witness_instance_type" format:"instance_type" default:"t3.micro" doc:"Instance type of the witness, which holds no data."`
	DataVolumeGB        int      `json:"data_volume_gb" min:"1" max:"16384" default:"100" doc:"GiB of the data volume of primary and standbys."`
	Address             string   `json:"address" enum:"elastic,private" default:"elastic" doc:"What follows the primary at a failover: an elastic (public) address, or a private one."`
	AllowedCIDRs        []string `json:"allowed_cidrs" format:"cidr" unique:"true" default:"[]" doc:"Networks besides the VPC that may connect to the database; the whole internet is refused."`
	Synchronous         bool     `json:"synchronous" default:"false" doc:"A commit waits until one standby has it, so that a failover loses none. Needs two standbys: with one, its loss would stop all writes."`
	Backup              Backup   `json:"backup" doc:"When the hosts back up to S3, and what a backup may cost before somebody is told. How long backups are kept: products.baseline.backup_retention_days."`
	RDS                 RDS      `json:"rds" doc:"Used when engine is rds."`
}

// Backup is the backups of the database hosts.
type Backup struct {
	Full         string `json:"full" format:"calendar" default:"\"*-*-* 01:00:00\"" doc:"When a full backup is made, as systemd's calendar events, UTC. A restore needs the last one before its target, so retention should span several."`
	Differential string `json:"differential" format:"calendar" default:"hourly" doc:"When what changed since the full backup is saved."`
	WarnSizeGB   int    `json:"warn_size_gb" min:"1" max:"65536" default:"500" doc:"GiB of database above which a backup is reported as too large for this method."`
	WarnMinutes  int    `json:"warn_minutes" min:"1" max:"1440" default:"60" doc:"Minutes above which a backup is reported as too slow."`
}

// RDS is the managed alternative of the database hosts. Storage is in GiB.
type RDS struct {
	InstanceClass string `json:"instance_class" format:"instance_class" default:"db.m6i.large" doc:"Instance class."`
	AllocatedGB   int    `json:"allocated_gb" min:"20" max:"65536" default:"100" doc:"GiB of storage."`
}

// EMR is the layer of clusters, named by colours so that one can be replaced
// while the other works. Which colours there are is no setting: infra emr
// keeps it. What only a new cluster gets is marked so: the one in use stays as
// it was made until it is replaced.
type EMR struct {
	Release               string   `json:"release" format:"emr_release" default:"emr-7.13.0" doc:"EMR release label of new clusters."`
	AllowUnsupported      bool     `json:"allow_unsupported" default:"false" doc:"Make clusters also of a release whose standard support has ended."`
	Applications          []string `json:"applications" format:"application" unique:"true" min:"1" max:"20" default:"[Spark, Hadoop]" doc:"Applications that new clusters have."`
	PrimaryInstanceType   string   `json:"primary_instance_type" format:"instance_type" default:"m6i.xlarge" doc:"Instance type of the primary node of new clusters."`
	CoreInstanceType      string   `json:"core_instance_type" format:"instance_type" default:"m6i.xlarge" doc:"Instance type of core and task nodes of new clusters."`
	CoreCount             int      `json:"core_count" min:"1" max:"1000" default:"2" doc:"Core nodes at the start."`
	MaxCapacity           int      `json:"max_capacity" min:"1" max:"2000" default:"10" doc:"Nodes that scaling may go up to; at least core_count."`
	TerminationProtection bool     `json:"termination_protection" default:"true" doc:"A cluster cannot be terminated before this is switched off."`
	InTransitCertificates Optional `json:"in_transit_certificates" format:"s3_address" default:"\"\"" doc:"S3 address of the archive with the certificates that encrypt traffic between nodes of new clusters. Left out: that traffic is not encrypted."`
}

// Optional is a text that Terraform receives as null when it is empty.
type Optional string

// MarshalJSON writes null for an empty text.
func (o Optional) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(o))
}

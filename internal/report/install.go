package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/install"
	"infra/internal/inventory"
	"infra/internal/preflight"
	"infra/internal/state"
	"infra/internal/terraform"
)

// Installation is what a handover report is made of.
type Installation struct {
	Env        *environment.Environment
	Record     *install.Record
	Preflight  []preflight.Finding
	Acceptance []install.Check
	Changed    bool                    // this command has changed something
	Baseline   map[string]state.Output // what the states say
	Pipeline   map[string]state.Output
	KeyARN     string // of the state bucket
	Infra      string // versions
	Commit     string
	Began      time.Time // this command
	Made       time.Time
}

// InstallDocument is `infra install ENV --output json`: what is handed over to
// the customer. It holds no secret; where one is, it is named.
type InstallDocument struct {
	Schema      string              `json:"schema"` // infra/install/v1
	Environment string              `json:"environment"`
	Made        time.Time           `json:"made"`
	Changed     bool                `json:"changed"`  // by the run that has written this
	Accepted    bool                `json:"accepted"` // every check was passed
	Account     []Named             `json:"account"`
	Endpoints   []Named             `json:"endpoints"`
	Hosts       []InstalledHost     `json:"hosts"`
	Access      []Named             `json:"access"`
	Encryption  []Named             `json:"encryption"`
	Backups     []Named             `json:"backups"`
	Alarms      []Named             `json:"alarms"`
	Versions    []Named             `json:"versions"`
	Acceptance  []install.Check     `json:"acceptance"`
	Preflight   []preflight.Finding `json:"preflight"`
	Phases      []InstalledPhase    `json:"phases"`
	Commands    []Named             `json:"commands"` // of every day
	Customer    []string            `json:"customer"` // what the customer has to do
}

// Named is a value with its name.
type Named struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// InstalledHost is one host.
type InstalledHost struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Layer   string `json:"layer"`
	Role    string `json:"role"` // that it was made for
	Zone    string `json:"zone"`
	Private string `json:"private_address"`
	Public  string `json:"public_address,omitempty"`
}

// InstalledPhase is how long a phase took.
type InstalledPhase struct {
	Phase    install.Phase `json:"phase"`
	Began    time.Time     `json:"began"`
	Seconds  float64       `json:"seconds"` // of the last attempt
	Attempts int           `json:"attempts"`
}

// outputs of the states, as far as the report tells of them.
type installed struct {
	vpc struct {
		ID      string `json:"id"`
		CIDR    string `json:"cidr"`
		Zone    string `json:"zone_name"`
		Bastion string `json:"bastion_address"`
	}
	zookeeper struct {
		Connect string `json:"connect"`
	}
	postgresql struct {
		Engine  string `json:"engine"`
		Address string `json:"endpoint_address"`
		Secret  string `json:"secret_arn"`
	}
	emr struct {
		Active    string `json:"active"`
		Pointer   string `json:"pointer_name"`
		Parameter string `json:"parameter"`
	}
	keys                                              map[string]string
	backups, topic, plan, apply, boundary, trail, log string
	hosts                                             []inventory.Host
}

// decode reads the outputs; one that is not there leaves its part empty.
func (i Installation) decode() (*installed, error) {
	d := &installed{}
	for _, o := range []struct {
		from map[string]state.Output
		name string
		into any
	}{
		{i.Pipeline, "vpc", &d.vpc},
		{i.Pipeline, "zookeeper", &d.zookeeper},
		{i.Pipeline, "postgresql", &d.postgresql},
		{i.Pipeline, "emr", &d.emr},
		{i.Baseline, "kms_key_arns", &d.keys},
		{i.Baseline, "backup_bucket", &d.backups},
		{i.Baseline, "alert_topic_arn", &d.topic},
		{i.Baseline, "plan_role_arn", &d.plan},
		{i.Baseline, "apply_role_arn", &d.apply},
		{i.Baseline, "permission_boundary_arn", &d.boundary},
		{i.Baseline, "trail_arn", &d.trail},
		{i.Baseline, "log_bucket", &d.log},
	} {
		output, there := o.from[o.name]
		if !there {
			continue
		}
		if err := json.Unmarshal(output.Value, o.into); err != nil {
			return nil, fmt.Errorf("read the output %s of the state: %w", o.name, err)
		}
	}
	read, err := inventory.Read((&state.State{Outputs: i.Pipeline}).Values())
	if err != nil {
		return nil, err
	}
	d.hosts = read.Hosts
	return d, nil
}

// Install makes the document.
func Install(i Installation) (InstallDocument, error) {
	d, err := i.decode()
	if err != nil {
		return InstallDocument{}, err
	}
	env, name := i.Env, i.Env.Name()
	doc := InstallDocument{
		Schema: "infra/install/v1", Environment: name, Made: i.Made.UTC(), Changed: i.Changed, Accepted: len(install.Failed(i.Acceptance)) == 0,
		Hosts: []InstalledHost{}, Acceptance: append([]install.Check{}, i.Acceptance...), Preflight: append([]preflight.Finding{}, i.Preflight...), Phases: []InstalledPhase{},
	}
	role, assumed := env.Role()
	doc.Account = given(
		"account", env.Account(), "region", env.Region(), "role of the vendor", when(assumed, role.ARN), "external id", when(role.ExternalID != "", "asked for; it stands in "+env.File()),
		"network", strings.TrimSpace(d.vpc.ID+" "+d.vpc.CIDR), "state bucket", env.StateBucket(), "first accepted", i.Record.Accepted.Format(time.RFC3339),
	)
	doc.Endpoints = given(
		"ZooKeeper", d.zookeeper.Connect, "PostgreSQL", when(d.postgresql.Address != "", d.postgresql.Address+":5432"),
		"EMR, the cluster in use", d.emr.Pointer, "EMR, its id in SSM", d.emr.Parameter, "way in", d.wayIn(env), "private DNS zone", d.vpc.Zone,
	)
	for _, h := range d.hosts {
		doc.Hosts = append(doc.Hosts, InstalledHost{h.Name, h.ID, h.Layer, h.Role, h.Zone, h.PrivateAddress, h.PublicAddress})
	}
	doc.Access = given("role that plans", d.plan, "role that applies", d.apply, "bounds of every role", d.boundary)
	for _, key := range env.SSH().PublicKeys {
		doc.Access = append(doc.Access, Named{"SSH as " + env.SSH().User, fingerprint(key)})
	}
	doc.Access = append(doc.Access, given(
		"database from outside the network", strings.Join(env.Pipeline().PostgreSQL.AllowedCIDRs, ", "), "bastion from", strings.Join(env.Pipeline().VPC.BastionAllowedCIDRs, ", "),
		"password of the database's replication", d.postgresql.Secret, "audit trail", d.trail,
	)...)
	for _, purpose := range sortedKeys(d.keys) {
		doc.Encryption = append(doc.Encryption, Named{"key for " + purpose, d.keys[purpose]})
	}
	doc.Encryption = append(doc.Encryption, given("key for states", i.KeyARN, "between ZooKeeper's servers", "mutual TLS", "buckets", "TLS only, no public access")...)
	doc.Backups = given(
		"bucket", d.backups, "restore to any moment of the last", fmt.Sprintf("%d days", env.Baseline().BackupRetentionDays),
		"full backup, UTC", env.Pipeline().PostgreSQL.Backup.Full, "differential backup", env.Pipeline().PostgreSQL.Backup.Differential,
		"restore", "infra pg restore "+name+" --to TIME, on a host of its own", "prove that it works", "infra pg verify "+name,
	)
	doc.Alarms = given("topic", d.topic, "written to", strings.Join(env.Baseline().AlertEmails, ", "), "logs", d.log)
	doc.Versions = given(
		"infra", i.Infra, "commit", i.Commit, "Terraform", terraform.Version, "PostgreSQL", env.Pipeline().PostgreSQL.Version+" ("+env.Pipeline().PostgreSQL.Engine+")",
		"EMR", env.Pipeline().EMR.Release, "image of hosts", env.Pipeline().Image.Name,
	)
	for _, p := range i.Record.Phases {
		doc.Phases = append(doc.Phases, InstalledPhase{p.Phase, p.Began, p.Took().Round(time.Millisecond).Seconds(), p.Attempts})
	}
	doc.Commands = given(
		"how is it", "infra status "+name, "what differs from the code", "infra drift "+name, "what would a change do", "infra plan "+name, "change it", "infra apply "+name,
		"the database", "infra pg status "+name, "the ensemble", "infra zk status "+name, "the cluster", "infra emr status "+name, "who did what", "infra runs "+name,
		"log in to a host", "infra ssh "+name+" HOST", "take it away", "infra uninstall "+name,
	)
	doc.Customer = i.duties()
	return doc, nil
}

// duties are what only the customer can do.
func (i Installation) duties() []string {
	var all []string
	if emails := i.Env.Baseline().AlertEmails; len(emails) > 0 {
		all = append(all, "Confirm the subscription that AWS has sent to "+strings.Join(emails, ", ")+"; until then no alarm arrives.")
	} else {
		all = append(all, "Name who hears of alarms: products.baseline.alert_emails of "+i.Env.File()+" is empty, so nobody does.")
	}
	if role, assumed := i.Env.Role(); assumed {
		all = append(all, "Keep the role "+role.ARN+" and the condition on its external id; removing it takes the vendor's access away.")
	}
	for _, f := range i.Preflight {
		if f.Result == preflight.Warning {
			all = append(all, fmt.Sprintf("Look at the warning of the preflight, %s: %s.", f.Check, f.Detail))
		}
	}
	return append(all, "Have a restore proven now and then: infra pg verify "+i.Env.Name()+".")
}

// wayIn is how people get to the hosts.
func (d *installed) wayIn(env *environment.Environment) string {
	if env.Pipeline().VPC.Access == "ssm" {
		return "Systems Manager, no public address"
	}
	return when(d.vpc.Bastion != "", "bastion "+d.vpc.Bastion)
}

// given are the pairs of names and values that have a value.
func given(pairs ...string) []Named {
	all := []Named{}
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			all = append(all, Named{pair[0], pair[1]})
		}
	}
	return all
}

func when(holds bool, text string) string {
	if holds {
		return text
	}
	return ""
}

// fingerprint names a public key as OpenSSH does, with its comment.
func fingerprint(line string) string {
	key, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return "a key that cannot be read"
	}
	return strings.TrimSpace(ssh.FingerprintSHA256(key) + " " + comment)
}

// InstallText is the report for people.
func InstallText(doc InstallDocument) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", doc.Environment, installVerdict(doc))
	for _, part := range doc.parts() {
		if len(part.values) == 0 {
			continue
		}
		b.WriteString("\n" + strings.ToLower(part.title) + "\n")
		rows := make([][]string, 0, len(part.values))
		for _, v := range part.values {
			rows = append(rows, []string{v.Name, console.Plain(v.Value)})
		}
		console.Table(&b, "  ", rows...)
	}
	b.WriteString("\nacceptance\n" + AcceptanceText(doc.Acceptance) + "\nwhat the customer has to do\n")
	for _, duty := range doc.Customer {
		b.WriteString("  - " + console.Plain(duty) + "\n")
	}
	return b.String()
}

func installVerdict(doc InstallDocument) string {
	if doc.Accepted {
		return fmt.Sprintf("installed and accepted, %s passed", console.Count(len(doc.Acceptance), "check"))
	}
	return "not accepted: " + console.Count(len(install.Failed(doc.Acceptance)), "check") + " failed"
}

package environment

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"text/template"

	"infra/internal/audit"
	"infra/internal/drift"
	"infra/internal/maintenance"
)

// format is the form that a text must have.
type format struct {
	pattern *regexp.Regexp
	says    string                   // completes "must be ..."
	refuses func(text string) string // what the pattern cannot say; empty when fine
	hidden  bool                     // the text may hold a secret by mistake and is not repeated
}

func form(pattern, says string) format {
	return format{pattern: regexp.MustCompile(pattern), says: says}
}

func (f format) and(refuses func(string) string) format {
	f.refuses = refuses
	return f
}

func (f format) unseen() format {
	f.hidden = true
	return f
}

// namePattern is that of environments, products and layers: nothing else ever
// becomes part of a path.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{1,30}$`)

const nameSays = "a name of 2 to 31 small letters, digits and -, such as acme"

// makeFormats are the forms that settings name in their format tag. The
// patterns are in the JSON Schema too and keep to what Go and ECMAScript
// understand alike.
func makeFormats() map[string]format {
	return map[string]format{
		"name":           {pattern: namePattern, says: nameSays},
		"origin":         form(`^$|^[a-z][a-z0-9-]{1,30}$`, nameSays),
		"account":        form(`^[0-9]{12}$`, `an AWS account of 12 digits, such as "123456789012"`),
		"region":         form(`^[a-z]{2}(-gov|-isob?)?-(central|north|south|east|west|northeast|northwest|southeast|southwest)-[1-9]$`, "an AWS region, such as eu-west-1"),
		"endpoint":       form(`^(https?://[^/?#@]+/?)?$`, "an address such as http://127.0.0.1:4566").and(refusesEndpoint).unseen(),
		"role_arn":       form(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`, "the ARN of a role, such as arn:aws:iam::123456789012:role/infra-apply"),
		"external_id":    form(`^([A-Za-z0-9+=,.@:/_-]{2,1000})?$`, "an external id of 2 to 1000 letters, digits and +=,.@:/_-").unseen(),
		"bucket":         form(`^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])?$`, "a bucket name of 3 to 63 small letters, digits and -"),
		"user":           form(`^[a-z_][a-z0-9_-]{0,31}$`, "a Linux account such as admin"),
		"public_key":     form(`^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}( [^ ].*)?$`, "an OpenSSH public key, the line in a .pub file").and(refusesPublicKey).unseen(),
		"email":          form(`^[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}$`, "an e-mail address"),
		"repository":     form(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`, "a repository such as organisation/name"),
		"branch":         form(`^[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}$`, "the name of a branch"),
		"image_owner":    form(`^[0-9]{12}$`, "an account of 12 digits, in quotes"),
		"image_name":     form(`^[A-Za-z0-9(][A-Za-z0-9()*?./_ @'-]{2,127}$`, "the name of an image, such as debian-12-amd64-*"),
		"cidr":           form(`^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$`, "a network such as 10.20.0.0/16").and(refusesCIDR),
		"calendar":       form(calendarPattern(), "a calendar event of systemd, such as hourly, *-*-* 01:00:00 or Sun 03:30"),
		"zone":           form(`^[a-z]$`, "the letter of an availability zone, such as a"),
		"service":        form(`^[a-z][a-z0-9.-]{1,62}$`, "the name of an AWS service, such as ssm").and(refusesService),
		"domain":         form(`^(([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})?$`, "a domain such as prod.internal"),
		"instance_type":  form(`^[a-z][a-z0-9-]*\.([a-z0-9]+-)*[a-z0-9]+$`, "an instance type, such as m6i.large"),
		"instance_class": form(`^db\.[a-z][a-z0-9-]*\.[a-z0-9]+$`, "an RDS instance class, such as db.m6i.large"),
		"emr_release":    form(`^emr-([7-9]|[1-9][0-9])\.[0-9]{1,2}\.[0-9]{1,2}$`, "an EMR release of 7 or later, such as emr-7.13.0"),
		"s3_address":     form(`^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.*'()/-]+\.zip)?$`, "an S3 address such as s3://bucket/certificates.zip"),
		"noise":          form(`^[^ ](.{0,298}[^ ])?$`, "known noise of 1 to 300 characters, such as module.vpc.aws_subnet.*#tags.scanned").and(refusesNoise),
		"window":         form(maintenance.Pattern, "days, hours and a zone, such as sat,sun 22:00-04:00 Europe/Berlin or daily 01:00-05:00 UTC").and(refusesWindow),
		"exception":      form(`^[^ ]+ [^ ]+ because [^ ].{0,400}$`, "an exception such as no-boundary aws_iam_role.plan because it only reads").and(refusesException),
		"variable":       form(`^([A-Z_][A-Z0-9_]{0,99})?$`, "the name of an environment variable such as INFRA_SLACK_URL, never what is in it").unseen(),
		"topic_arn":      form(`^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256})?$`, "the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:123456789012:alerts"),
		"template":       form(`^.*$`, "a template").and(refusesTemplate),
		"application":    form(`^[A-Z][A-Za-z0-9]{1,40}$`, "an EMR application, such as Spark"),
	}
}

// calendarPattern is the part of systemd's calendar events that a schedule
// needs: a word, or weekdays, a date and a time, of which the first two may be
// left out. The hosts' systemd has the last word.
func calendarPattern() string {
	const day, number = `(Mon|Tue|Wed|Thu|Fri|Sat|Sun)`, `[0-9*,/.]+`
	return `^(hourly|daily|weekly|(` + day + `((\.\.|,)` + day + `)* )?((` + number + `-)?` + number + `-` + number + ` )?` +
		number + `:` + number + `(:` + number + `)?)$`
}

// refusesService knows the service that has a gateway instead.
func refusesService(text string) string {
	if text == "s3" {
		return "has a gateway endpoint in every network, which costs nothing; leave it out"
	}
	return ""
}

// refusesNoise wants what drift understands, and nothing that hides all.
func refusesNoise(text string) string {
	if err := drift.CheckIgnore(text); err != nil {
		return err.Error()
	}
	return ""
}

// refusesWindow knows days, hours and zones.
func refusesWindow(text string) string {
	if _, err := maintenance.Parse(text); err != nil {
		return err.Error()
	}
	return ""
}

// refusesTemplate wants what text/template understands. What is filled in is
// known to infra notify alone.
func refusesTemplate(text string) string {
	if _, err := template.New("notify.template").Parse(text); err != nil {
		return "is no template: " + err.Error()
	}
	return ""
}

// refusesException wants what audit understands.
func refusesException(text string) string {
	if err := audit.CheckIgnore(text); err != nil {
		return err.Error()
	}
	return ""
}

// refusesCIDR wants an IPv4 network whose address is its first.
func refusesCIDR(text string) string {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return "is not a valid network such as 10.20.0.0/16"
	}
	if first := p.Masked(); first != p {
		return "has bits set behind its /" + text[strings.IndexByte(text, '/')+1:] + "; the network is " + first.String()
	}
	return ""
}

// refusesEndpoint wants an address of this machine: the emulator is never
// anywhere else, and credentials are sent to it.
func refusesEndpoint(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil {
		return "is not an address such as http://127.0.0.1:4566"
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "must be on this machine (127.0.0.1): the emulator is nowhere else"
	}
	return ""
}

// refusesPublicKey looks into the key: its inner name must be the outer one.
func refusesPublicKey(text string) string {
	const torn = "is not a whole OpenSSH public key; copy the line of the .pub file again"
	parts := strings.SplitN(text, " ", 3)
	if len(parts) < 2 {
		return torn
	}
	blob, err := base64.StdEncoding.DecodeString(parts[1])
	if err != nil {
		return torn
	}
	inner := make([]byte, 0, len(blob)+len(parts[0]))
	inner = binary.BigEndian.AppendUint32(inner, uint32(len(parts[0]))) //nolint:gosec // a name of the pattern
	if inner = append(inner, parts[0]...); len(blob) <= len(inner) || !bytes.HasPrefix(blob, inner) {
		return torn
	}
	return ""
}

package restore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Integrity is what `pgbackrest verify` found. It exits with 0 whatever it
// finds, and it does not notice a WAL segment that is not there.
type Integrity struct {
	OK       bool
	Checked  int // files and WAL segments
	Problems []string
}

// ParseIntegrity reads the output of `pgbackrest verify --output=text
// --verbose`. Lines of its log may stand between.
func ParseIntegrity(output string) (Integrity, error) {
	status := regexp.MustCompile(`^status: (\w+)`)
	item := regexp.MustCompile(`^\s+(archiveId|backup): (\S+?),(?: status: ([\w-]+),)? total (?:WAL|files) checked: (\d+), total valid (?:WAL|files): (\d+)`)
	count := regexp.MustCompile(`(missing|checksum invalid|size invalid|other): (\d+)`)
	found, said := Integrity{}, ""
	subject := ""
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if m := status.FindStringSubmatch(line); m != nil {
			said = m[1]
			continue
		}
		if m := item.FindStringSubmatch(line); m != nil {
			subject = m[2]
			if m[1] == "archiveId" {
				subject = "the archived WAL"
			}
			var checked, valid int
			if _, err := fmt.Sscan(m[4]+" "+m[5], &checked, &valid); err != nil {
				return Integrity{}, fmt.Errorf("what pgBackRest verified cannot be read: %q", line)
			}
			found.Checked += checked
			if m[3] == "invalid" || checked != valid {
				found.Problems = append(found.Problems, fmt.Sprintf("%s: %d of %d files are not valid", subject, checked-valid, checked))
			}
			continue
		}
		for _, m := range count.FindAllStringSubmatch(line, -1) {
			if subject != "" && m[2] != "0" {
				found.Problems = append(found.Problems, fmt.Sprintf("%s: %s: %s", subject, m[1], m[2]))
			}
		}
		if text := strings.TrimSpace(line); said != "" && subject == "" && text != "" && !strings.Contains(text, "P00") {
			found.Problems = append(found.Problems, text) // such as: no backups exist in the repo
		}
	}
	if said == "" {
		return Integrity{}, errors.New("pgBackRest did not say how the repository is")
	}
	found.OK = said == "ok" && len(found.Problems) == 0
	if said != "ok" && len(found.Problems) == 0 {
		found.Problems = []string{"its status is " + said}
	}
	return found, nil
}

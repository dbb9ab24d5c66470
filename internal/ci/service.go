// Package ci is what a pipeline shows of plans and applies: one comment in
// Markdown, a summary, annotations, JUnit, and the workflow files that call
// infra. It knows what GitHub and GitLab tell a job, and sends nothing to them:
// posting is the workflow's own step.
package ci

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"infra/internal/fault"
)

// Service is who runs the pipeline.
type Service string

// The services. Local is a person's own machine.
const (
	GitHub Service = "github"
	GitLab Service = "gitlab"
	Local  Service = ""
)

// Detect tells by the environment's variables who runs this job.
func Detect(getenv func(string) string) Service {
	switch {
	case getenv("GITHUB_ACTIONS") == "true":
		return GitHub
	case getenv("GITLAB_CI") == "true":
		return GitLab
	default:
		return Local
	}
}

// Limit is how many characters a comment may have. They are counted as bytes:
// never more are sent than the service takes, however it counts.
func (s Service) Limit() int {
	if s == GitLab {
		return 1_000_000
	}
	return 65_536
}

// Base is what a pull request is compared with, or what a push was made onto:
// a name that git knows. Empty: the job does not say.
func (s Service) Base(getenv func(string) string) string {
	switch s {
	case GitHub:
		if branch := getenv("GITHUB_BASE_REF"); branch != "" {
			return "origin/" + branch
		}
		return pushed(getenv("GITHUB_EVENT_PATH"))
	case GitLab:
		if commit := getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA"); commit != "" {
			return commit
		}
		return getenv("CI_COMMIT_BEFORE_SHA")
	default:
		return ""
	}
}

// pushed is the commit that a branch had before the push that GitHub's event
// is about.
func pushed(event string) string {
	data, err := os.ReadFile(event)
	if err != nil {
		return ""
	}
	var push struct{ Before string }
	if json.Unmarshal(data, &push) != nil {
		return ""
	}
	return push.Before
}

// Append adds text to one of the files by which a job tells its service
// something; name is the variable with its path. Without one nothing is done.
func Append(getenv func(string) string, name, text string) error {
	path := getenv(name)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fault.New(fault.Failed, "write "+name, err, "")
	}
	return nil
}

// Annotation is an error as GitHub shows it beside a file. What could end the
// line early, or begin another command, is escaped.
func Annotation(title, file, message string) string {
	return annotation("error", title, file, message)
}

// Notice is what is no error, in the same way.
func Notice(title, file, message string) string {
	return annotation("notice", title, file, message)
}

func annotation(level, title, file, message string) string {
	place := ""
	if file != "" {
		place = "file=" + property(file) + ","
	}
	return fmt.Sprintf("::%s %stitle=%s::%s\n", level, place, property(title), escaped(message))
}

func escaped(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escaped(text))
}

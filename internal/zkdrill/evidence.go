package zkdrill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keep writes down what the servers say of a scenario that did not pass: their
// journals since it began and the names of their files. The next scenarios, or
// the end of a sandbox, take them away. It returns where that is, or why it
// could not be had, in a line.
func (x *exercise) keep(ctx context.Context, r Result, o Observation) string {
	ctx, cancel := context.WithTimeout(ctx, cleanLimit)
	defer cancel()
	dir := filepath.Join(x.Evidence, fmt.Sprintf("%s-%d", r.Name, r.Round))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "what the servers say of it is not kept: " + err.Error()
	}
	errs := []error{os.WriteFile(filepath.Join(dir, "findings"), []byte(strings.Join(r.Findings, "\n")+"\n"), 0o600)}
	for _, h := range x.Ensemble.Servers {
		for name, argv := range map[string][]string{
			"journal": {"journalctl", "--unit", unit, "--no-pager", "--output", "short-precise", fmt.Sprintf("--since=@%d", o.Began.Unix())},
			"files":   {"ls", "-lAR", "--time-style=full-iso", dataDirectory, logDirectory},
		} {
			text, err := x.hosts.Root(ctx, h, nil, argv...)
			errs = append(errs, err, os.WriteFile(filepath.Join(dir, h.Name+"."+name), text, 0o600))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return "what the servers say of it is not kept whole in " + dir + ": " + err.Error()
	}
	return "what the servers say of it is kept in " + dir
}

// shown are findings in a line: the rest is in the report.
func shown(findings []string) string {
	const most = 3
	if more := len(findings) - most; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(findings[:most], "; "), more)
	}
	return strings.Join(findings, "; ")
}

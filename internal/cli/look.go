package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"infra/internal/fault"
	"infra/internal/report"
)

// looked is how a command ends that has looked at environments, with the exit
// code of its report. What went wrong with one of them is in the report
// already; of a single one it is said again as every command does it. last is
// what went wrong last, with all its words; command is what looks at one.
func looked(code fault.Code, problems []*report.Problem, last error, op, command string) error {
	failed := 0
	for _, p := range problems {
		if p != nil {
			failed++
		}
	}
	switch {
	case code == fault.OK:
		return nil
	case code == fault.Differences:
		return errDifferences
	case len(problems) == 1 && last != nil:
		return last
	case len(problems) == 1:
		return fault.New(code, op, errors.New(problems[0].Message), problems[0].Hint)
	default:
		return fault.New(code, op, fmt.Errorf("%d of %d environments could not be looked at as a whole; the report says why", failed, len(problems)), command+" ENV, for one of them")
	}
}

// writeReport writes a report to a file, without secrets, where one is wanted.
// command is what to type when it could not be.
func writeReport(g *globals, path, command string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(g.con.Masked(text.String())), 0o600); err != nil {
		return fault.New(fault.Failed, "write the report", err, command+", to a folder that exists")
	}
	return nil
}

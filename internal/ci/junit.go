package ci

import (
	"encoding/xml"
	"fmt"

	"infra/internal/fault"
)

// testSuites is JUnit's XML, as far as GitLab, Jenkins and others read it.
type testSuites struct {
	XMLName xml.Name    `xml:"testsuites"`
	Suites  []testSuite `xml:"testsuite"`
}

type testSuite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Seconds  string     `xml:"time,attr"`
	Cases    []testCase `xml:"testcase"`
}

type testCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Seconds string   `xml:"time,attr"`
	Failure *failure `xml:"failure,omitempty"`
	Output  string   `xml:"system-out,omitempty"`
}

type failure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// result is one environment's, for JUnit.
type result struct {
	name, output string
	exit         int
	seconds      float64
	problem      *Problem
}

// JUnit is a plan as JUnit's XML: a test for each environment, which fails
// when it could not be planned. Differences are no failure.
func (p Plan) JUnit() ([]byte, error) {
	var all []result
	for _, e := range p.Environments {
		output := ""
		for _, s := range stacks(e) {
			output += fmt.Sprintf("%s: %d changes\n", s.Stack, len(s.Changes))
		}
		all = append(all, result{e.Name, output, e.Exit, e.Seconds, e.Error})
	}
	return junit("infra ci plan", all)
}

// JUnit is an apply as JUnit's XML: a test for each environment.
func (a Apply) JUnit() ([]byte, error) {
	var all []result
	for _, e := range a.Environments {
		all = append(all, result{e.Name, "", e.Exit, e.Seconds, e.Error})
	}
	return junit("infra ci apply", all)
}

func junit(name string, all []result) ([]byte, error) {
	suite := testSuite{Name: name, Tests: len(all), Cases: []testCase{}}
	total := 0.0
	for _, r := range all {
		one := testCase{Class: name, Name: r.name, Seconds: fmt.Sprintf("%.1f", r.seconds), Output: r.output}
		if r.problem != nil {
			suite.Failures++
			text := r.problem.Message
			if r.problem.Hint != "" {
				text += "\nnext: " + r.problem.Hint
			}
			one.Failure = &failure{fault.Code(r.exit).Meaning(), r.problem.Message, text}
		}
		total += r.seconds
		suite.Cases = append(suite.Cases, one)
	}
	suite.Seconds = fmt.Sprintf("%.1f", total)
	text, err := xml.MarshalIndent(testSuites{Suites: []testSuite{suite}}, "", "  ")
	return append([]byte(xml.Header), append(text, '\n')...), err
}

// ApplyText is an apply for a job's summary.
func ApplyText(a Apply) string {
	text := "## infra ci apply\n\n"
	if len(a.Environments) == 0 {
		return text + "No environment is affected.\n"
	}
	text += "| environment | result | resources |\n|---|---|--:|\n"
	notes := ""
	for _, e := range a.Environments {
		applied := 0
		if e.Run != nil {
			for _, s := range e.Run.Stacks {
				applied += s.Applied
			}
		}
		text += fmt.Sprintf("| %s | %s | %d |\n", cell(e.Name), cell(fault.Code(e.Exit).Meaning()), applied)
		notes += note(Environment{Name: e.Name, Exit: e.Exit, Error: e.Error})
	}
	return text + "\n" + notes
}

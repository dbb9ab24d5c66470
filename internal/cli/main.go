// Package cli is the command line: one file a command, each with its
// constructor and what it runs. It builds everything and wires it, and is
// the only importer of cobra.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/supervise"
	"infra/internal/trace"
)

// globals are the flags that every command has, and what follows from them.
type globals struct {
	output  string
	noColor bool
	quiet   bool
	verbose bool
	plain   bool
	dir     string
	metrics string

	con    *console.Console
	stop   *interrupts
	opened bool // the command line was understood

	verb    string       // of the command: "pg failover"
	trace   *trace.Trace // nil until the command line was understood
	attempt *attempt     // what the command works on at this moment; nil: on no environment that it may change
}

// Main runs infra with the process's arguments and returns its exit code. In
// a process that infra has started to watch over a tool, it does that instead.
func Main() int {
	unix.Umask(0o077)
	if code, supervised := supervise.Main(os.Args[1:]); supervised {
		return code
	}
	ctx, stop := interruptible(context.Background())
	defer stop.end()
	return int(execute(ctx, stop, os.Args[1:]))
}

func execute(ctx context.Context, stop *interrupts, args []string) fault.Code {
	g := &globals{con: console.New(os.Stdin, os.Stdout, os.Stderr, console.Options{}), stop: stop}
	stop.attach(g.con)
	root := newRootCommand(g)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !g.opened && fault.CodeOf(err) == fault.Failed {
		err = fault.New(fault.Usage, "", err, "infra --help")
	}
	if err != nil && !errors.Is(err, errDifferences) {
		g.con.Error(err, fmt.Sprintf("infra runbook %d", exitCode(ctx, err)))
	}
	g.ended(ctx, err)
	if g.trace != nil {
		g.trace.End(err)
	}
	return exitCode(ctx, err)
}

// exitCode is that of a command that has ended with err.
func exitCode(ctx context.Context, err error) fault.Code {
	code := fault.CodeOf(err)
	if code == fault.Failed && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return fault.Interrupted // whatever was being done, it was given up
	}
	return code
}

// errDifferences ends plan with its exit code and no message of its own.
var errDifferences = fault.New(fault.Differences, "", errors.New("there are differences"), "")

func newRootCommand(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:   "infra",
		Short: "Build and run a data platform on AWS: Terraform makes the machines, Ansible makes them work",
		Long: `infra builds a data platform on AWS and keeps it running. Terraform makes the machines (VPC, EMR, ZooKeeper,
PostgreSQL), Ansible makes them work, and infra drives both. An environment is a file in environments/; every
product of it has exactly one Terraform state in the environment's S3 bucket.

OTEL_EXPORTER_OTLP_ENDPOINT and its like send each command's phases to a collector as OpenTelemetry spans, under the
TRACEPARENT that a pipeline gives; a collector that does not answer costs a warning. INFRA_METRICS_DIR: see --metrics-dir.`,
		Example:           "  infra plan prod\n  infra apply prod\n  infra status prod",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateFlagGroups(); err != nil { // cobra itself would do it later, when the command line counts as understood
				return fault.New(fault.Usage, "", err, cmd.CommandPath()+" --help")
			}
			if err := g.open(); err != nil {
				return err
			}
			g.verb = strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
			cmd.SetContext(g.traced(cmd.Context(), cmd.CommandPath()))
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&g.output, "output", "text", "text, or json: data on standard output, everything else on standard error; apply, configure and destroy stream their events and end with their document")
	flags.BoolVar(&g.noColor, "no-color", false, "no colours (also: NO_COLOR)")
	flags.BoolVar(&g.quiet, "quiet", false, "only warnings and errors")
	flags.BoolVar(&g.verbose, "verbose", false, "every event")
	flags.BoolVar(&g.plain, "plain", false, "lines only: nothing is drawn over and nothing coloured, for screen readers and recordings (also: INFRA_PLAIN, TERM=dumb)")
	flags.StringVarP(&g.dir, "directory", "C", "", "folder of the project (default: the one above that holds environments/ and terraform/)")
	flags.StringVar(&g.metrics, "metrics-dir", "", "write what the run came to into this folder, for the textfile collector of Prometheus' node exporter (also: INFRA_METRICS_DIR)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.New(fault.Usage, "", err, cmd.CommandPath()+" --help")
	})
	root.AddCommand(
		newApplyCommand(g),
		newAuditCommand(g),
		newBootstrapCommand(g),
		newCICommand(g),
		newCompletionCommand(),
		newConfigureCommand(g),
		newDestroyCommand(g),
		newDiffCommand(g),
		newDocsCommand(g),
		newDoctorCommand(g),
		newDriftCommand(g),
		newEmrCommand(g),
		newEnvCommand(g),
		newFleetCommand(g),
		newGraphCommand(g),
		newHostsCommand(g),
		newImageCommand(g),
		newInitCommand(g),
		newInstallCommand(g),
		newInventoryCommand(g),
		newNotifyCommand(g),
		newOutputCommand(g),
		newPgCommand(g),
		newPlanCommand(g),
		newRebuildCommand(g),
		newRecoverCommand(g),
		newReportCommand(g),
		newRunbookCommand(g),
		newRunsCommand(g),
		newSandboxCommand(g),
		newSchemaCommand(g),
		newSnapshotCommand(g),
		newSSHCommand(g),
		newStateCommand(g),
		newStatusCommand(g),
		newUninstallCommand(g),
		newUnlockCommand(g),
		newValidateCommand(g),
		newVersionCommand(g),
		newWorkerCommand(g),
		newZkCommand(g),
	)
	completeEnvironments(g, root)
	return root
}

// open turns the global flags into a console.
func (g *globals) open() error {
	if g.output != "text" && g.output != "json" {
		return fault.New(fault.Usage, "", fmt.Errorf("--output is %q, it can be text or json", g.output), "infra --help")
	}
	g.opened = true
	g.con = console.New(os.Stdin, os.Stdout, os.Stderr, console.Options{
		JSON: g.output == "json", NoColor: g.noColor || os.Getenv("NO_COLOR") != "", Quiet: g.quiet, Verbose: g.verbose,
		Plain: g.plain || os.Getenv("INFRA_PLAIN") != "",
	})
	g.stop.attach(g.con)
	return nil
}

// project is the folder that infra works in.
func (g *globals) project() (string, error) {
	start := g.dir
	if start == "" {
		start = "."
	}
	dir, err := filepath.Abs(start)
	if err != nil {
		return "", fault.New(fault.Usage, "find the project", err, "")
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	for at := dir; ; at = filepath.Dir(at) {
		if isDir(filepath.Join(at, "environments")) && isDir(filepath.Join(at, "terraform")) {
			return at, nil
		}
		if g.dir != "" || at == filepath.Dir(at) {
			return "", fault.New(fault.Usage, "find the project",
				fmt.Errorf("%s holds no folders environments/ and terraform/", dir), "cd to your checkout, or name it with -C DIR")
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// describe gives a command its example and exit codes, repeated from the one
// table in package fault.
func describe(cmd *cobra.Command, example string, codes ...fault.Code) *cobra.Command {
	cmd.Example = example
	var b strings.Builder
	b.WriteString(strings.TrimSpace(cmd.Long))
	if b.Len() == 0 {
		b.WriteString(cmd.Short + ".")
	}
	b.WriteString("\n\nExit codes:")
	for _, code := range append([]fault.Code{fault.OK, fault.Failed}, append(codes, fault.Usage, fault.Interrupted)...) {
		fmt.Fprintf(&b, "\n  %-3d %s", code, code.Meaning())
	}
	cmd.Long = b.String()
	return cmd
}

// environmentArgument accepts exactly one environment's name.
func environmentArgument(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fault.New(fault.Usage, "", fmt.Errorf("%s takes the name of one environment, got %d arguments", cmd.CommandPath(), len(args)), cmd.CommandPath()+" --help")
	}
	return nil
}

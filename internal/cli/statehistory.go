package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/stack"
	"infra/internal/state"
)

func newStateHistoryCommand(g *globals) *cobra.Command {
	var product string
	limit := 10
	cmd := describe(&cobra.Command{
		Use:   "history ENV",
		Short: "List the versions of the states in S3, newest first",
		Args:  environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateHistory(cmd.Context(), g, args[0], product, limit)
		},
	}, "  infra state history prod --product pipeline")
	productFlag(cmd, &product)
	cmd.Flags().IntVar(&limit, "limit", limit, "how many versions of each state")
	return cmd
}

// stateHistory is `infra state history --output json`.
type stateHistory struct {
	Schema      string        `json:"schema"` // infra/state-history/v1
	Environment string        `json:"environment"`
	States      []stateOfTime `json:"states"`
}

type stateOfTime struct {
	Product  string         `json:"product"`
	Versions []stateVersion `json:"versions"`
}

type stateVersion struct {
	VersionID string    `json:"version_id"`
	Modified  time.Time `json:"modified"`
	Bytes     int64     `json:"bytes"`
	Latest    bool      `json:"latest"`
	Deleted   bool      `json:"deleted,omitempty"`
	Lineage   string    `json:"lineage,omitempty"`
	Serial    uint64    `json:"serial"`
	Resources int       `json:"resources"`
	SHA256    string    `json:"sha256,omitempty"`
	Problem   string    `json:"problem,omitempty"` // why it cannot be used
}

func runStateHistory(ctx context.Context, g *globals, name, product string, limit int) error {
	if limit < 1 {
		return fault.New(fault.Usage, "", errors.New("--limit must be at least 1"), "infra state history --help")
	}
	products, err := stack.Select(one(product))
	if err != nil {
		return err
	}
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	doc := stateHistory{Schema: "infra/state-history/v1", Environment: name, States: []stateOfTime{}}
	for _, product := range products {
		versions, err := p.Bucket().History(ctx, stateKey(name, product), limit)
		if err != nil {
			return err
		}
		one := stateOfTime{Product: product, Versions: []stateVersion{}}
		for _, v := range versions {
			one.Versions = append(one.Versions, stateVersion{
				VersionID: v.VersionID, Modified: v.Modified, Bytes: v.Size, Latest: v.Latest, Deleted: v.Deleted,
				Lineage: v.Lineage, Serial: v.Serial, Resources: v.Resources, SHA256: v.SHA256, Problem: v.Problem,
			})
		}
		doc.States = append(doc.States, one)
	}
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	return writeStateHistory(g.con.Out(), doc)
}

func stateKey(environment, product string) string {
	return stack.Stack{Product: product, Environment: environment}.StateKey()
}

func writeStateHistory(out io.Writer, doc stateHistory) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, "PRODUCT\tVERSION\tWRITTEN\tSERIAL\tRESOURCES\tBYTES\tNOTE"); err != nil {
		return err
	}
	for _, s := range doc.States {
		for i, v := range s.Versions {
			var notes []string
			if v.Latest {
				notes = append(notes, "now")
			}
			if v.Deleted {
				notes = append(notes, "deleted")
			}
			if v.Problem != "" {
				notes = append(notes, v.Problem)
			}
			if i > 0 && v.Lineage != "" && s.Versions[0].Lineage != "" && v.Lineage != s.Versions[0].Lineage {
				notes = append(notes, "another lineage: "+v.Lineage)
			}
			if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", s.Product, v.VersionID, v.Modified.Format(time.RFC3339), v.Serial, v.Resources, v.Bytes, strings.Join(notes, ", ")); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

func newStateDiffCommand(g *globals) *cobra.Command {
	var product string
	var reveal bool
	cmd := describe(&cobra.Command{
		Use:   "diff ENV [FROM [TO]]",
		Short: "Show how two versions of a state differ; sensitive values are masked",
		Long: `FROM and TO are S3 versions (see infra state history) or files. Without TO it is the state as it is now; without
FROM, the version before that.`,
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateDiff(cmd.Context(), g, args[0], product, args[1:], reveal)
		},
	}, "  infra state diff prod --product pipeline\n  infra state diff prod --product pipeline 3HL4kqtJlcpXroDTDmJ")
	productFlag(cmd, &product)
	revealFlag(cmd, &reveal)
	return cmd
}

// stateDiff is `infra state diff --output json`.
type stateDiff struct {
	Schema      string             `json:"schema"` // infra/state-diff/v1
	Environment string             `json:"environment"`
	Product     string             `json:"product"`
	From        string             `json:"from"` // S3 version or file
	To          string             `json:"to"`
	Differences []state.Difference `json:"differences"`
}

func runStateDiff(ctx context.Context, g *globals, name, product string, versions []string, reveal bool) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	if product, err = onlyProduct(ctx, p, product); err != nil {
		return err
	}
	if len(versions) == 0 {
		earlier, err := p.Bucket().History(ctx, stateKey(name, product), 2)
		if err != nil {
			return err
		}
		if len(earlier) < 2 {
			return fault.New(fault.Failed, "compare the states of "+product+"/"+name, errors.New("there is no earlier version"), "infra state history "+name)
		}
		versions = []string{earlier[1].VersionID}
	}
	from, err := readVersion(ctx, p, product, versions[0])
	if err != nil {
		return err
	}
	to, err := readVersion(ctx, p, product, strings.Join(versions[1:], ""))
	if err != nil {
		return err
	}
	doc := stateDiff{Schema: "infra/state-diff/v1", Environment: name, Product: product, From: versions[0], To: to.VersionID, Differences: state.Diff(from, to, reveal)}
	if len(versions) > 1 {
		doc.To = versions[1]
	}
	if g.con.JSON() {
		if doc.Differences == nil {
			doc.Differences = []state.Difference{}
		}
		return g.con.WriteJSON(doc)
	}
	if len(doc.Differences) == 0 {
		g.con.Print("No differences but the serial: " + fmt.Sprintf("%d -> %d.\n", from.Serial, to.Serial))
		return nil
	}
	_, err = io.WriteString(g.con.Out(), fmt.Sprintf("serial %d -> %d\n", from.Serial, to.Serial)+state.Lines(doc.Differences))
	return err
}

// readVersion reads a state: the one that is there now when version is empty,
// a file when version names one, else that version in S3.
func readVersion(ctx context.Context, p *provision.Platform, product, version string) (*state.State, error) {
	name := p.Env.Name()
	if version == "" {
		return p.Applied(ctx, product)
	}
	if strings.ContainsAny(version, "/.") {
		op := "read the state in " + version
		raw, err := os.ReadFile(version)
		if err != nil {
			return nil, fault.New(fault.Usage, op, err, "")
		}
		s, err := state.Parse(raw)
		if err != nil {
			return nil, fault.New(fault.Failed, op, err, "")
		}
		return s, nil
	}
	s, err := p.Bucket().ReadVersion(ctx, stateKey(name, product), version)
	if errors.Is(err, state.ErrAbsent) {
		return nil, fault.New(fault.Usage, "read the state of "+product+"/"+name, fmt.Errorf("there is no version %q of it", version),
			fmt.Sprintf("infra state history %s --product %s", name, product))
	}
	return s, err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/account"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/notify"
	"infra/internal/outcome"
)

// notifyOptions are the flags of notify.
type notifyOptions struct {
	print bool
	kind  string
}

func newNotifyCommand(g *globals) *cobra.Command {
	var o notifyOptions
	cmd := describe(&cobra.Command{
		Use:   "notify ENV",
		Short: "Try who is told what a run came to: send a sample, or show it",
		Long: `Sends a sample to every channel of notify in the environment's file, which are told of runs, drills and drift:

  notify:
    slack: INFRA_SLACK_URL       # the NAME of a variable; a pipeline's secret
    webhook: INFRA_WEBHOOK_URL   # gets the outcome as JSON
    webhook_secret: INFRA_WEBHOOK_SECRET
    sns: arn:aws:sns:eu-west-1:123456789012:alerts
    run: failed                  # or always, or never; drill and drift as well
    template: "{{.Title}} by {{.Who}}"

With --print nothing is sent. In a run, a channel that cannot be reached is a warning: it is tried three times, for 20
seconds at most, and changes neither the result nor the exit code.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runNotify(cmd.Context(), g, args[0], o) },
	}, "  infra notify prod --print\n  infra notify prod\n  infra notify prod --kind drift --print --output json")
	cmd.Flags().BoolVar(&o.print, "print", false, "show the message and who would get it; send nothing")
	cmd.Flags().StringVar(&o.kind, "kind", string(outcome.Run), "a sample of what: run, drill or drift")
	return cmd
}

// notifyDocument is infra notify --output json.
type notifyDocument struct {
	Schema   string          `json:"schema"` // infra/notify/v1
	Sent     bool            `json:"sent"`
	Channels []string        `json:"channels"`
	Text     string          `json:"text"`
	Outcome  outcome.Outcome `json:"outcome"`
}

func runNotify(ctx context.Context, g *globals, name string, o notifyOptions) error {
	if !slices.Contains(outcome.Kinds(), outcome.Kind(o.kind)) {
		return fault.New(fault.Usage, "", fmt.Errorf("--kind is %q, it can be run, drill or drift", o.kind), "infra notify --help")
	}
	project, err := g.project()
	if err != nil {
		return err
	}
	env, err := environment.Load(project, name)
	if err != nil {
		return err
	}
	if !notify.Configured(env.Notify()) {
		return fault.New(fault.Usage, "notify of "+name, errors.New(env.File()+" names nobody to tell"), "infra notify --help, for the keys of notify")
	}
	message := notify.Message{Outcome: notify.Sample(outcome.Kind(o.kind), name, "infra notify", time.Now())}
	if message.Text, err = notify.Text(env.Notify(), message.Outcome); err != nil {
		return err
	}
	channels, missing := g.channels(ctx, env)
	doc := notifyDocument{Schema: "infra/notify/v1", Sent: !o.print, Channels: []string{}, Text: message.Text, Outcome: message.Outcome}
	for _, c := range channels {
		doc.Channels = append(doc.Channels, c.String())
	}
	if !o.print {
		missing = errors.Join(missing, notify.Send(ctx, channels, message))
	}
	if g.con.JSON() {
		return errors.Join(g.con.WriteJSON(doc), missing)
	}
	to := "sent to"
	if o.print {
		to = "to"
	}
	if missing == nil {
		for _, c := range doc.Channels {
			g.con.Step("%s %s", to, c)
		}
	}
	_, err = fmt.Fprintln(g.con.Out(), doc.Text)
	return errors.Join(err, missing)
}

// channels are those of an environment; their addresses are hidden from then on.
func (g *globals) channels(ctx context.Context, env *environment.Environment) ([]notify.Channel, error) {
	for _, name := range notify.Variables(env.Notify()) {
		g.con.Mask(os.Getenv(name))
	}
	cfg, err := account.Config(ctx, account.TargetOf(env))
	if err != nil {
		return nil, err
	}
	return notify.Channels(env.Notify(), os.Getenv, cfg)
}

// notify tells those who want to know; what goes wrong is a warning.
func (g *globals) notify(ctx context.Context, env *environment.Environment, o outcome.Outcome) {
	if !notify.Configured(env.Notify()) || !notify.Wanted(env.Notify(), o) {
		return
	}
	channels, err := g.channels(ctx, env)
	message := notify.Message{Outcome: o}
	if err == nil || len(channels) > 0 {
		var bad error
		if message.Text, bad = notify.Text(env.Notify(), o); bad != nil {
			message.Text = o.Title() // a template that fits other outcomes only
			err = errors.Join(err, bad)
		}
		err = errors.Join(err, notify.Send(ctx, channels, message))
	}
	if err != nil {
		g.con.Warn("not everybody was told: %v", err)
	}
}

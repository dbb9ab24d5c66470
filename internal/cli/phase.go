package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"infra/internal/console"
	"infra/internal/install"
	"infra/internal/trace"
)

// phases are those of an installation or a rebuild, and where it is written down
// how far it got.
type phases struct {
	con    *console.Console
	verb   string
	all    []install.Phase
	record *install.Record
	note   func(context.Context) error // writes the record down
}

// tellPhase says which of all phases begins.
func tellPhase(con *console.Console, all []install.Phase, phase install.Phase) {
	con.Step("phase %d of %d: %s", slices.Index(all, phase)+1, len(all), phase)
}

// in writes down that a phase begins, lets it work, and writes down how it
// ended, also when the command is being interrupted.
func (p phases) in(ctx context.Context, phase install.Phase, work func(context.Context) error) (err error) {
	ctx, ended := trace.Part(ctx, p.verb+" "+string(phase))
	defer ended(&err)
	tellPhase(p.con, p.all, phase)
	p.record.Begin(phase, time.Now())
	if err := p.note(ctx); err != nil {
		return err
	}
	err = work(ctx)
	p.record.End(phase, time.Now(), err == nil)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return errors.Join(err, p.note(ending))
}

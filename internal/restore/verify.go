package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infra/internal/provision"
)

// ThrowawayTag is the tag of a host that its run removes again; its value is
// the run's id.
const ThrowawayTag = "infra-throwaway"

// verification is a verified restore on its way.
type verification struct {
	*site
	report     *Report
	limits     Limits
	guest      *provision.Guest
	repository *Repository
}

// Verify restores the last backup to a host of its own, checks what came back,
// and removes the host whatever happened. What is wrong is in the report; the
// error is for what ended the verification itself.
func Verify(ctx context.Context, p *provision.Platform, hosts *provision.Hosts, limits Limits, say func(format string, args ...any)) (*Report, error) {
	report := newReport(p)
	s, err := newSite(p, hosts, say)
	if err != nil {
		return report, err
	}
	v := &verification{site: s, report: report, limits: limits}
	err = v.whole(ctx)
	report.end(err)
	return report, errors.Join(err, report.publish(ctx, p, s.cluster, v.remember))
}

// whole makes the host, checks, and removes the host.
func (v *verification) whole(ctx context.Context) (err error) {
	dataGB := 0
	if r, err := v.site.repository(ctx); err == nil {
		v.take(r)
		dataGB = volumeGB(r.Last().DatabaseBytes)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	defer func() { err = errors.Join(err, v.remove(ctx)) }()
	started := time.Now()
	v.guest, err = v.prepare(ctx, "verify", dataGB, map[string]string{ThrowawayTag: v.platform.Run.ID}, false)
	if v.guest != nil {
		v.report.Host = v.guest.Host.ID
	}
	v.report.phase("host", started)
	if err != nil {
		return err
	}
	if v.repository == nil {
		// No node answers: the throwaway host is as good a reader.
		r, err := v.look(ctx, v.guest.Client.Run, v.guest.Host)
		if err != nil {
			v.add(ctx, Check{Name: "repository", Detail: err.Error()}, time.Now())
			return stopped(ctx)
		}
		v.take(r)
	}
	v.judgeRepository(ctx)
	if v.bring(ctx) {
		v.judgeRestored(ctx)
	}
	v.judgeFiles(ctx)
	return stopped(ctx)
}

// stopped is why a context has ended, nil while it has not.
func stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// take notes what there is to restore.
func (v *verification) take(r Repository) {
	v.repository = &r
	last := r.Last()
	v.report.Backup, v.report.BackupType, v.report.BackupAt, v.report.DatabaseBytes = last.Label, last.Type, &last.Stopped, last.DatabaseBytes
}

// add notes a check and tells of it.
func (v *verification) add(ctx context.Context, c Check, started time.Time) {
	v.report.add(ctx, timed(c, started), v.say)
}

// judgeRepository judges what can be told without a restore.
func (v *verification) judgeRepository(ctx context.Context) {
	started := time.Now()
	v.add(ctx, judgeAge(v.repository.Last(), started, v.limits.Age), started)
	v.add(ctx, judgePages(v.repository.Last()), started)
	wal, err := judgeWAL(*v.repository)
	if err != nil {
		wal.Passed, wal.Detail = false, err.Error()
	}
	v.add(ctx, wal, started)
}

// bring restores the backup and measures how long it took to serve, and what
// did not come back. It tells whether there is a server to look at.
func (v *verification) bring(ctx context.Context) bool {
	h := v.host(v.guest)
	started := time.Now()
	c := Check{Name: "restore"}
	_, err := h.fetch(ctx, order{set: v.report.Backup}, v.say)
	v.report.phase("fetch", started)
	// As it is now, not before the files were fetched: WAL goes on being archived.
	beat, beatErr := v.heartbeat(ctx)
	replayed := time.Now()
	var r restored
	if err == nil {
		r, err = h.recover(ctx, v.say)
		v.report.phase("replay", replayed)
	}
	if err != nil {
		c.Detail = err.Error()
		v.add(ctx, c, started)
		return false
	}
	rto := r.answered.Sub(v.guest.Asked).Seconds()
	v.report.RTOSeconds, v.report.RestoredTo = &rto, r.upTo
	c.Passed, c.Detail = true, fmt.Sprintf("%s serves after %.1f s, the host included", v.report.Backup, rto)
	v.add(ctx, c, started)
	v.judgeHeartbeat(ctx, h, beat, beatErr)
	return true
}

// heartbeat is the primary's last.
func (v *verification) heartbeat(ctx context.Context) (string, error) {
	primary, err := v.primary(ctx)
	if err != nil {
		return "", err
	}
	return primary.query(ctx, "repmgr", heartbeatSQL)
}

func (v *verification) judgeHeartbeat(ctx context.Context, h host, primary string, err error) {
	started := time.Now()
	c := Check{Name: "loss"}
	back := ""
	if err == nil {
		back, err = h.query(ctx, "repmgr", heartbeatSQL)
	}
	var loss time.Duration
	if err == nil {
		loss, err = lost(primary, back)
	}
	if err != nil {
		c.Detail = "it cannot be measured: " + err.Error()
	} else {
		seconds := loss.Seconds()
		v.report.RPOSeconds = &seconds
		c = judgeLoss(loss, v.limits.RPO)
	}
	v.add(ctx, c, started)
}

// remove takes the host away again. That it could not be removed must be seen:
// it holds a copy of the database.
func (v *verification) remove(ctx context.Context) error {
	v.platform.Depart(v.guest)
	started := time.Now()
	v.say("removing the host")
	defer v.report.phase("removal", started)
	return v.platform.Dismiss(ctx, ThrowawayTag, v.platform.Run.ID)
}

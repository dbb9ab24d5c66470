package snapshot

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/inventory"
)

// Recovered is a server that was started from the last snapshot.
type Recovered struct {
	Host     string // it was tried on
	Volume   string // it was tried with; removed
	Control  string // the cluster's state as the snapshot has it
	Version  string
	System   string
	Timeline string
	Position string        // of the WAL, after recovery
	Took     time.Duration // from mounting to taking writes
	Source   string
	Answer   string // of the probe
}

// trial is a server on a volume of the last snapshot, on a host that has other
// things to do: everything of it is below one folder and in one unit, and goes
// away again.
type trial struct {
	c      *Chain
	host   inventory.Host
	volume string
	dir    string // /run/infra-snapshot-<run>
	data   string // data directory
	unit   string
}

// try recovers from a snapshot and removes what it made, whatever happens.
func (c *Chain) try(ctx context.Context, snapshot string) (found *Recovered, cleanup, err error) {
	t := &trial{c: c, host: *c.CheckOn, dir: "/run/infra-snapshot-" + c.ID, unit: "infra-snapshot-" + c.ID + "-server"}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
		defer cancel()
		cleanup = t.end(ending)
	}()
	tags := map[string]string{"Name": c.Environment + "-" + c.Source.Name + "-trial", "environment": c.Environment, tagRun: c.ID}
	t.volume, err = makeVolume(ctx, c.EC2, snapshot, t.host.Zone, tags, c.Poll)
	if err != nil {
		return nil, nil, err
	}
	if err := t.mount(ctx); err != nil {
		return nil, nil, err
	}
	found = &Recovered{Host: t.host.Name, Volume: t.volume}
	began := time.Now()
	if err := t.start(ctx, found); err != nil {
		return found, nil, err
	}
	if err := t.ask(ctx, found); err != nil {
		return found, nil, err
	}
	found.Took = time.Since(began)
	if c.Probe != "" {
		found.Answer, err = t.sql(ctx, c.Database, c.Probe)
	}
	return found, nil, err
}

// mount attaches the volume and mounts it.
func (t *trial) mount(ctx context.Context) error {
	device, err := freeDevice(ctx, t.c.EC2, t.host.ID)
	if err != nil {
		return err
	}
	if _, err := t.c.EC2.AttachVolume(ctx, &ec2.AttachVolumeInput{VolumeId: &t.volume, InstanceId: &t.host.ID, Device: &device}); err != nil {
		return fmt.Errorf("attach %s to %s: %w", t.volume, t.host.Name, err)
	}
	if err := volumeState(ctx, t.c.EC2, t.volume, types.VolumeStateInUse, t.c.Poll); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for t.root(waiting, "test", "-b", byID(t.volume)) != nil {
		if err := sleep(waiting, t.c.Poll); err != nil {
			return fmt.Errorf("%s does not appear on %s: %w", t.volume, t.host.Name, err)
		}
	}
	for _, argv := range [][]string{
		{"install", "-d", "-m", "0700", "-o", "postgres", "-g", "postgres", "--", t.dir, t.dir + "/volume", t.dir + "/socket"},
		{"mount", "-o", "noatime,nodev,nosuid", "--", byID(t.volume), t.dir + "/volume"},
	} {
		if err := t.root(ctx, argv...); err != nil {
			return fmt.Errorf("mount %s on %s: %w", t.volume, t.host.Name, err)
		}
	}
	output, err := t.asRoot(ctx, "find", t.dir+"/volume", "-mindepth", "2", "-maxdepth", "3", "-name", "PG_VERSION", "-type", "f")
	if err != nil {
		return fmt.Errorf("look for the database on %s: %w", t.volume, err)
	}
	for _, file := range strings.Fields(output) {
		t.data = path.Dir(file)
	}
	if t.data == "" {
		return fmt.Errorf("%s holds no database", t.volume)
	}
	return nil
}

// sizes are the settings that a standby must not have less of than its
// primary, as pg_controldata names them.
func sizes() []string {
	return []string{"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_xacts", "max_locks_per_xact"}
}

// control reads pg_controldata's lines.
func control(text string) map[string]string {
	facts := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			facts[strings.TrimSuffix(strings.TrimSpace(name), " setting")] = strings.TrimSpace(value)
		}
	}
	return facts
}

// start starts a server that nobody can reach but through its folder, that
// archives nothing and follows nobody.
func (t *trial) start(ctx context.Context, found *Recovered) error {
	version, err := t.asRoot(ctx, "cat", "--", t.data+"/PG_VERSION")
	if err != nil || !regexp.MustCompile(`^[0-9]{1,2}\s*$`).MatchString(version) {
		return fmt.Errorf("read the version of the database: %q, %w", version, err)
	}
	programs := "/usr/lib/postgresql/" + strings.TrimSpace(version) + "/bin"
	text, err := t.asRoot(ctx, programs+"/pg_controldata", "-D", t.data)
	if err != nil {
		return fmt.Errorf("read the control file: %w", err)
	}
	facts := control(text)
	found.Control, found.System = facts["Database cluster state"], facts["Database system identifier"]
	if err := t.write(ctx, "postgresql.conf", configuration(t.dir, t.data, facts)); err != nil {
		return err
	}
	if err := t.write(ctx, "pg_hba.conf", "local all all peer map=trial\n"); err != nil {
		return err
	}
	if err := t.write(ctx, "pg_ident.conf", "trial postgres postgres\n"); err != nil {
		return err
	}
	err = t.root(ctx, "systemd-run", "--quiet", "--collect", "--unit="+t.unit, "--uid=postgres", "--gid=postgres",
		"--property=RuntimeMaxSec=6h", "--property=KillSignal=SIGINT", "--property=TimeoutStopSec=300", "--",
		programs+"/postgres", "-D", t.data, "-c", "config_file="+t.dir+"/postgresql.conf")
	if err != nil {
		return fmt.Errorf("start a server on the volume: %w", err)
	}
	for {
		_, err := t.sql(ctx, "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		if t.root(ctx, "systemctl", "is-active", "--quiet", t.unit) != nil {
			log, logErr := t.asRoot(ctx, "journalctl", "--unit="+t.unit, "--lines=12", "--output=cat", "--no-pager")
			return errors.Join(fmt.Errorf("the server does not recover from the snapshot: %s", strings.TrimSpace(log)), logErr)
		}
		t.c.Live("recovery on %s", t.host.Name)
		if err := sleep(ctx, t.c.Poll); err != nil {
			return err
		}
	}
}

func configuration(dir, data string, facts map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data_directory = '%s'\nhba_file = '%s/pg_hba.conf'\nident_file = '%s/pg_ident.conf'\n", data, dir, dir)
	fmt.Fprintf(&b, "unix_socket_directories = '%s/socket'\nlisten_addresses = ''\nport = 5432\n", dir)
	b.WriteString("archive_mode = off\nhot_standby = on\nshared_buffers = 64MB\nlogging_collector = off\nrestart_after_crash = off\n")
	b.WriteString("external_pid_file = ''\ncluster_name = 'snapshot'\n")
	names := map[string]string{"max_prepared_xacts": "max_prepared_transactions", "max_locks_per_xact": "max_locks_per_transaction"}
	for _, size := range sizes() {
		name := size
		if other, ok := names[size]; ok {
			name = other
		}
		if value := facts[size]; regexp.MustCompile(`^[0-9]+$`).MatchString(value) {
			fmt.Fprintf(&b, "%s = %s\n", name, value)
		}
	}
	return b.String()
}

// ask promotes the server, as the moved database would be, and asks how it is.
func (t *trial) ask(ctx context.Context, found *Recovered) (err error) {
	if _, err = t.sql(ctx, "postgres", "SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(true, 300) ELSE true END"); err != nil {
		return fmt.Errorf("promote the recovered server: %w", err)
	}
	answer, err := t.sql(ctx, "postgres", "SELECT current_setting('server_version') || '|' || ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int || '|' || pg_current_wal_lsn()")
	if err != nil {
		return fmt.Errorf("ask the recovered server: %w", err)
	}
	parts := strings.Split(answer, "|")
	if len(parts) != 3 {
		return fmt.Errorf("the recovered server answers %q", answer)
	}
	found.Version, found.Timeline, found.Position = parts[0], parts[1], parts[2]
	return nil
}

func (t *trial) sql(ctx context.Context, database, statement string) (string, error) {
	output, err := t.c.Run(ctx, t.host, strings.NewReader(statement+";\n"), "sudo", "-n", "-u", "postgres",
		"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", t.dir+"/socket", "-p", "5432", "-d", database)
	return strings.TrimSpace(string(output)), err
}

func (t *trial) write(ctx context.Context, name, text string) error {
	_, err := t.c.Run(ctx, t.host, strings.NewReader(text), "sudo", "-n", "-u", "postgres", "tee", "--", t.dir+"/"+name)
	if err != nil {
		return fmt.Errorf("write %s on %s: %w", name, t.host.Name, err)
	}
	return nil
}

func (t *trial) root(ctx context.Context, argv ...string) error {
	_, err := t.asRoot(ctx, argv...)
	return err
}

func (t *trial) asRoot(ctx context.Context, argv ...string) (string, error) {
	output, err := t.c.Run(ctx, t.host, nil, append([]string{"sudo", "-n"}, argv...)...)
	return string(output), err
}

// end removes what try has made, as far as that got.
func (t *trial) end(ctx context.Context) error {
	if t.volume == "" {
		return nil
	}
	var errs []error
	if t.root(ctx, "systemctl", "is-active", "--quiet", t.unit) == nil {
		errs = append(errs, t.root(ctx, "systemctl", "stop", t.unit))
	}
	if t.root(ctx, "mountpoint", "--quiet", "--", t.dir+"/volume") == nil {
		errs = append(errs, t.root(ctx, "umount", "--", t.dir+"/volume"))
	}
	errs = append(errs, t.root(ctx, "rm", "-rf", "--one-file-system", "--", t.dir))
	found, err := t.c.EC2.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{t.volume}})
	if err == nil && len(found.Volumes) == 1 && len(found.Volumes[0].Attachments) > 0 {
		_, err = t.c.EC2.DetachVolume(ctx, &ec2.DetachVolumeInput{VolumeId: &t.volume, InstanceId: &t.host.ID})
		if err == nil {
			err = volumeState(ctx, t.c.EC2, t.volume, types.VolumeStateAvailable, t.c.Poll)
		}
	}
	if err == nil {
		_, err = t.c.EC2.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: &t.volume})
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("remove the trial on %s (volume %s): %w", t.host.Name, t.volume, err)
	}
	return nil
}

package pgdrill

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"infra/internal/drill"
	"infra/internal/inventory"
	"infra/internal/ssh"
)

// What the drill makes in the cluster, and removes at its end.
const (
	database = "infra_drill"
	account  = "infra_drill"
)

// hosts are those of the database.
type hosts struct{ drill.Hosts }

// psql runs statements on a node, as postgres through the local socket. They
// go by stdin: a password in them is in no list of processes.
func (h hosts) psql(ctx context.Context, host inventory.Host, name, statements string) (string, error) {
	out, err := h.Run(ctx, host, []byte(statements), "sudo", "-n", "-u", "postgres", "env", "PGCONNECT_TIMEOUT=5",
		"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", name, "-f", "-")
	return strings.TrimSpace(string(out)), err
}

// makeTable makes the client's account and table anew and returns the
// account's password.
func (h hosts) makeTable(ctx context.Context, primary inventory.Host) (password string, err error) {
	if err := h.dropTable(ctx, primary); err != nil {
		return "", err
	}
	random := make([]byte, 18)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	password = hex.EncodeToString(random)
	for _, part := range []struct{ name, statements string }{
		{"postgres", `SET log_statement = 'none'; SET log_min_error_statement = 'panic'; SET log_min_duration_statement = -1;
SET password_encryption = 'scram-sha-256';
CREATE ROLE ` + account + ` LOGIN PASSWORD '` + password + `';
CREATE DATABASE ` + database + `;`},
		{database, `CREATE TABLE numbered (scenario int, route text, number int, payload text, at timestamptz DEFAULT clock_timestamp());
GRANT SELECT, INSERT ON numbered TO ` + account + `;
CREATE TABLE probe (node text, at timestamptz DEFAULT clock_timestamp());`},
	} {
		if _, err := h.psql(ctx, primary, part.name, part.statements); err != nil {
			return "", fmt.Errorf("make the client's table on %s: %w", primary.Label(), err)
		}
	}
	return password, nil
}

func (h hosts) dropTable(ctx context.Context, primary inventory.Host) error {
	_, err := h.psql(ctx, primary, "postgres", "DROP DATABASE IF EXISTS "+database+" WITH (FORCE);\nDROP ROLE IF EXISTS "+account+";")
	if err != nil {
		return fmt.Errorf("remove the client's table on %s: %w", primary.Label(), err)
	}
	return nil
}

// forgive has the nodes forget that they were fenced: what a drill does on
// purpose must not look like a node that fails again and again, which stays
// down.
func (h hosts) forgive(ctx context.Context, primary inventory.Host) error {
	_, err := h.psql(ctx, primary, "repmgr",
		"INSERT INTO repmgr.events (node_id, event, successful, details) SELECT node_id, 'infra_forgiven', true, 'infra pg drill' FROM repmgr.nodes;")
	if err != nil {
		return fmt.Errorf("forget the fences of earlier scenarios on %s: %w", primary.Label(), err)
	}
	return nil
}

// present reads which rows of a scenario the primary has, by route.
func (h hosts) present(ctx context.Context, primary inventory.Host, scenario int) (map[string][]int, error) {
	out, err := h.psql(ctx, primary, database,
		fmt.Sprintf("SELECT route || ' ' || number FROM numbered WHERE scenario = %d ORDER BY route, number;", scenario))
	if err != nil {
		return nil, err
	}
	numbers := map[string][]int{}
	for line := range strings.Lines(out) {
		route, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("a row of the client's table cannot be read: %w", err)
		}
		numbers[route] = append(numbers[route], number)
	}
	return numbers, nil
}

// writeWAL makes so many MiB of WAL on a node, in pieces, until the server
// fails if it does.
func (h hosts) writeWAL(ctx context.Context, host inventory.Host, mebibytes int) error {
	const piece = 16
	for range mebibytes / piece {
		statement := fmt.Sprintf("SELECT count(pg_logical_emit_message(false, 'infra drill', repeat(md5(n::text), 32768))) FROM generate_series(1, %d) n;", piece)
		if _, err := h.psql(ctx, host, "postgres", statement); err != nil {
			return err
		}
	}
	return nil
}

// samplePath is where a standby's agent keeps what it saw of the primary last.
const samplePath = "/var/lib/infra-postgresql/sample.json"

// awaitLag waits until a standby's agent has seen that it is so many bytes
// behind.
func (h hosts) awaitLag(ctx context.Context, standby inventory.Host, bytes int64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("%s never saw that it is behind", standby.Label()))
	defer cancel()
	for {
		out, err := h.Root(ctx, standby, nil, "cat", samplePath)
		if err == nil {
			var sample struct {
				Primary  int64 `json:"primary_lsn"`
				Received int64 `json:"received_lsn"`
			}
			if err := json.Unmarshal(out, &sample); err == nil && sample.Primary-sample.Received >= bytes {
				return nil
			}
		}
		if err := drill.Pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

// Synchronous asks the servers whether a commit waits for a standby.
func Synchronous(ctx context.Context, client *ssh.Client, c Cluster) (bool, error) {
	h := hosts{drill.Hosts{Client: client}}
	var errs []error
	for _, host := range c.Data {
		answer, err := h.psql(ctx, host, "postgres", "SELECT pg_is_in_recovery(), current_setting('synchronous_standby_names') <> '';")
		if err == nil && strings.HasPrefix(answer, "f|") {
			return answer == "f|t", nil
		}
		errs = append(errs, err)
	}
	return false, errors.Join(append(errs, ErrUnhealthy)...)
}

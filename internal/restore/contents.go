package restore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Login is how a server is asked that is on no host of infra's own.
type Login struct {
	Address  string // a name that its certificate has
	Port     uint16
	User     string
	Password string
	Roots    *x509.CertPool // who its certificate must come from
	Dial     func(ctx context.Context, address string, port uint16) (net.Conn, error)
}

// connectLimit bounds a login; what is asked then may take hours.
const connectLimit = time.Minute

func (l Login) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database, config.User, config.Password = l.Address, l.Port, database, l.User, l.Password
	config.TLSConfig = &tls.Config{ServerName: l.Address, RootCAs: l.Roots, MinVersion: tls.VersionTLS12}
	config.Fallbacks, config.RuntimeParams = nil, map[string]string{"application_name": "infra pg verify"}
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the host that passes it on looks it up
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx, l.Address, l.Port) }
	config.ConnectTimeout = connectLimit
	return pgx.ConnectConfig(ctx, config)
}

// Contents are the checks of what a server holds: every index against its
// table, and every row of every table. answered is when the first query was.
func Contents(ctx context.Context, l Login) (checks []Check, answered time.Time) {
	started := time.Now()
	databases, err := l.databases(ctx)
	if err != nil {
		return []Check{timed(outcome("first query", "", err), started)}, time.Time{}
	}
	answered = time.Now()
	checks = append(checks, timed(outcome("first query", fmt.Sprintf("%d databases: %s", len(databases), strings.Join(databases, ", ")), nil), started))
	for _, c := range []struct {
		name string
		look func(ctx context.Context, conn *pgx.Conn) (int, error)
		what string
	}{
		{"indexes and tables", indexes, "indexes have every row"},
		{"dump of everything", everyRow, "rows can be read"},
	} {
		started := time.Now()
		total := 0
		var errs []error
		for _, database := range databases {
			n, err := l.within(ctx, database, c.look)
			total += n
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", database, err))
			}
		}
		checks = append(checks, timed(outcome(c.name, fmt.Sprintf("all %d %s", total, c.what), errors.Join(errs...)), started))
	}
	return checks, answered
}

func timed(c Check, started time.Time) Check {
	c.Seconds = time.Since(started).Seconds()
	return c
}

// databases are those that hold somebody's data; the managed service has one
// of its own that nobody gets into.
func (l Login) databases(ctx context.Context) ([]string, error) {
	var names []string
	_, err := l.within(ctx, "postgres", func(ctx context.Context, conn *pgx.Conn) (int, error) {
		rows, err := conn.Query(ctx, "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname <> 'rdsadmin' ORDER BY datname")
		if err != nil {
			return 0, err
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return len(names), err
	})
	return names, err
}

// within runs work in a session of its own.
func (l Login) within(ctx context.Context, database string, work func(context.Context, *pgx.Conn) (int, error)) (n int, err error) {
	conn, err := l.connect(ctx, database)
	if err != nil {
		return 0, sayable(err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	n, err = work(ctx, conn)
	return n, sayable(err)
}

// sayable is an error without the connection's particulars.
func sayable(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return fmt.Errorf("%s (SQLSTATE %s)", said.Message, said.Code)
	}
	return err
}

// mostNamed is how many of what is wrong are named.
const mostNamed = 5

// indexes has amcheck compare every B-tree with its table, and tells how many.
func indexes(ctx context.Context, conn *pgx.Conn) (int, error) {
	if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS amcheck"); err != nil {
		return 0, err
	}
	rows, err := conn.Query(ctx, `SELECT i.indexrelid, format('%I.%I', n.nspname, c.relname)
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND c.relkind = 'i' AND i.indisvalid AND i.indisready ORDER BY 2`)
	if err != nil {
		return 0, err
	}
	type index struct {
		OID  uint32
		Name string
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		return 0, err
	}
	var wrong problems
	for _, i := range found {
		_, err := conn.Exec(ctx, "SELECT bt_index_check($1::oid::regclass, heapallindexed => true)", i.OID)
		if fatal := wrong.note(conn, i.Name, err); fatal != nil {
			return len(found), fatal
		}
	}
	return len(found), wrong.err()
}

// everyRow reads every row of every table, to nowhere, and tells how many.
func everyRow(ctx context.Context, conn *pgx.Conn) (int, error) {
	rows, err := conn.Query(ctx, `SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' ORDER BY 1`)
	if err != nil {
		return 0, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, err
	}
	total := 0
	var wrong problems
	for _, table := range tables {
		read, err := conn.PgConn().CopyTo(ctx, io.Discard, "COPY (SELECT * FROM "+table+") TO STDOUT") // the server has quoted its name
		total += int(read.RowsAffected())
		if fatal := wrong.note(conn, table, err); fatal != nil {
			return total, fatal
		}
	}
	return total, wrong.err()
}

// problems are what is wrong with some of many.
type problems []string

// note takes down what went wrong with one; the error says that nothing more
// can be asked.
func (p *problems) note(conn *pgx.Conn, name string, err error) error {
	if err == nil {
		return nil
	}
	*p = append(*p, name+": "+sayable(err).Error())
	if conn.IsClosed() {
		return p.err()
	}
	return nil
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	text := strings.Join(p[:min(len(p), mostNamed)], "; ")
	if more := len(p) - mostNamed; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return errors.New(text)
}

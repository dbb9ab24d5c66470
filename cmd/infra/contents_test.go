//go:build endtoend

package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"infra/internal/console"
	"infra/internal/provision"
	"infra/internal/restore"
)

// contentsFromAfar asks a server through the bastion for everything in it, as
// a restored instance of RDS is asked: sound, with an index that lacks rows,
// and with tables that cannot be read.
func contentsFromAfar(t *testing.T, p *platform) {
	const role, password = "inspector", "only-in-a-test"
	for _, database := range []string{"postgres", "repmgr"} {
		p.onDatabase(t, database, "CREATE EXTENSION IF NOT EXISTS amcheck")
	}
	p.onDatabase(t, "postgres", "CREATE ROLE "+role+" LOGIN PASSWORD '"+password+"'")
	p.onDatabase(t, "postgres", "GRANT pg_read_all_data TO "+role)
	p.onDatabase(t, "postgres", "GRANT CONNECT ON DATABASE repmgr TO "+role)
	for _, database := range []string{"postgres", "repmgr"} {
		p.onDatabase(t, database, "GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean) TO "+role)
	}
	defer func() {
		for _, database := range []string{"repmgr", "postgres"} {
			p.onDatabase(t, database, "DROP OWNED BY "+role+"; DROP EXTENSION amcheck")
		}
		p.onDatabase(t, "postgres", "DROP ROLE "+role)
	}()
	login := p.loginThroughBastion(t)
	login.User, login.Password = role, password

	want := func(name, failing string) {
		t.Helper()
		checks, answered := restore.Contents(t.Context(), login)
		if answered.IsZero() || len(checks) != 3 {
			t.Fatalf("%+v", checks)
		}
		for _, c := range checks {
			if c.Passed == (c.Name == name) || c.Name == name && !strings.Contains(c.Detail, failing) {
				t.Errorf("%s: passed %v: %s", c.Name, c.Passed, c.Detail)
			}
		}
	}
	want("", "")

	p.onDatabase(t, "postgres", "CREATE FUNCTION public.turned(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n'")
	p.onDatabase(t, "postgres", "CREATE TABLE public.turning AS SELECT n FROM generate_series(1, 100) AS n")
	p.onDatabase(t, "postgres", "CREATE INDEX turning_turned ON public.turning (public.turned(n))")
	p.onDatabase(t, "postgres", "CREATE OR REPLACE FUNCTION public.turned(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT -n'")
	want("indexes and tables", "public.turning_turned")
	p.onDatabase(t, "postgres", "DROP TABLE public.turning; DROP FUNCTION public.turned")

	p.onDatabase(t, "postgres", "REVOKE pg_read_all_data FROM "+role)
	want("dump of everything", "permission denied")

	login.Password = "wrong"
	if checks, answered := restore.Contents(t.Context(), login); !answered.IsZero() || len(checks) != 1 || checks[0].Passed || strings.Contains(checks[0].Detail, login.Password) {
		t.Errorf("a wrong password: %+v", checks)
	}
	login.Roots = x509.NewCertPool()
	if checks, _ := restore.Contents(t.Context(), login); len(checks) != 1 || !strings.Contains(checks[0].Detail, "certificate") {
		t.Errorf("a certificate of nobody: %+v", checks)
	}
}

// loginThroughBastion is the way to the first database node's server.
func (p *platform) loginThroughBastion(t *testing.T) restore.Login {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "sandbox")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
	opened, err := provision.Connect(t.Context(), p.project, "e2e", console.New(strings.NewReader(""), io.Discard, &bytes.Buffer{}, console.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := opened.Applied(t.Context(), "pipeline")
	if err != nil {
		t.Fatal(err)
	}
	inv, err := opened.Inventory(s)
	if err != nil {
		t.Fatal(err)
	}
	client, err := opened.Reach(t.Context(), inv, t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	bastion, _ := inv.Bastion()
	node, err := inv.Find("postgresql-1")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(p.on(t, "postgresql-1", "cat", "/etc/postgresql/15/main/server.crt"))) {
		t.Fatal("the server has no certificate")
	}
	return restore.Login{
		Address: node.PrivateAddress, Port: 5432, Roots: roots,
		Dial: func(ctx context.Context, address string, port uint16) (net.Conn, error) {
			return client.Dial(ctx, bastion, address, port)
		},
	}
}

package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestDial speaks through the bastion to a server that only the bastion
// reaches, and wants to hear why where there is none.
func TestDial(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = fmt.Fprintf(conn, "heard %s", line)
			_ = conn.Close()
		}
	}()
	w := newWorld(t)
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal(listener.Addr())
	}
	w.bastion.forwards["db.internal"] = address.Port
	c := w.open(t)
	dialling, cancel := context.WithCancel(t.Context())
	conn, err := c.Dial(dialling, w.hosts[0], "db.internal", 5432)
	cancel() // as pgx does as soon as it is connected
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("a query\n")); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "heard a query\n" {
		t.Errorf("got %q, %v", answer, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Dial(dialling, w.hosts[0], "db.internal", 5432); !errors.Is(err, context.Canceled) {
		t.Errorf("dialled in vain: %v", err)
	}

	conn, err = c.Dial(t.Context(), w.hosts[0], "nowhere.internal", 5432)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(conn)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "bastion") {
		t.Errorf("got %v", err)
	}
	_ = conn.Close()
}

package snapshot

import (
	"strings"
	"testing"
	"time"
)

func TestCounters(t *testing.T) {
	const text = "   7       3 loop3 14 0 112 2 9300 12 81920 7 0 8 9 0 0 0 0 0 0\n 259       3 nvme1n1p1 1 2 3 4 5 6 7 8 9 10 11\n 259 1 short\n"
	for _, test := range []struct {
		number            string
		operations, bytes float64
		err               string
	}{
		{"7:3", 9300, 81920 * 512, ""},
		{"259:3", 5, 7 * 512, ""},
		{"259:1", 0, 0, "no device 259:1"},
		{"8:0", 0, 0, "no device 8:0"},
	} {
		got, err := counters(text, test.number)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v", test.number, err)
			}
			continue
		}
		if err != nil || got.operations != test.operations || got.bytes != test.bytes {
			t.Errorf("%s: %+v, %v", test.number, got, err)
		}
	}
}

func TestWrites(t *testing.T) {
	// 100 writes of 8 KiB touch little more than 100 blocks; one of 2 MiB up to 5.
	for _, test := range []struct {
		samples []sample
		want    float64
	}{
		{[]sample{{operations: 100, bytes: 100 * 8192, hours: 1}}, 100 + 100*8192.0/BlockBytes},
		{[]sample{{operations: 1, bytes: 2 << 20, hours: 1}}, 5},
		{[]sample{{operations: 1, hours: 0.5}, {operations: 3, hours: 0.5}}, 6},
		{nil, 0},
	} {
		if got := writes(test.samples); got.Random != test.want || got.Sequential != 0 {
			t.Errorf("%+v: %+v, want %v", test.samples, got, test.want)
		}
	}
}

func TestConfigurationOfATrial(t *testing.T) {
	facts := control("pg_control version number:            1300\nDatabase cluster state:               in archive recovery\n" +
		"max_connections setting:              200\nmax_locks_per_xact setting:           64\nmax_wal_senders setting:              10'; x = 'y\n")
	if facts["Database cluster state"] != "in archive recovery" {
		t.Errorf("%v", facts)
	}
	text := configuration("/run/x", "/run/x/volume/15/main", facts)
	for _, want := range []string{"listen_addresses = ''\n", "archive_mode = off\n", "max_connections = 200\n", "max_locks_per_transaction = 64\n", "unix_socket_directories = '/run/x/socket'\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "max_wal_senders") {
		t.Error("a value that is no number went into the configuration")
	}
}

func TestKnownThroughput(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	full := func(base string, whole int64, took time.Duration) Link {
		return Link{Base: base, Whole: whole, Started: at, Completed: at.Add(took)}
	}
	for _, test := range []struct {
		name  string
		links []Link
		want  float64 // 0: unknown
	}{
		{"none", nil, 0},
		{"one", []Link{full(nothing, 1000, 12*time.Second)}, 100},
		{"the slower one", []Link{full(nothing, 1000, 12*time.Second), full(nothing, 1000, 22*time.Second)}, 50},
		{"an increment tells nothing", []Link{full("", 1000, 12*time.Second), full("snap-1", 1000, 12*time.Second)}, 0},
		{"pending", []Link{{Base: nothing, Whole: 1000, Started: at}}, 0},
		{"all overhead", []Link{full(nothing, 1000, time.Second)}, 0},
	} {
		got, known := Known(test.links, 2*time.Second)
		if known != (test.want > 0) || known && (got < test.want*0.999 || got > test.want*1.001) {
			t.Errorf("%s: %v, %v", test.name, got, known)
		}
	}
}

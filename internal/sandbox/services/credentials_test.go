package services

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"infra/internal/sandbox/emulator"
)

func TestCredentialsAreRenewedBeforeTheyExpire(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	calls, down := 0, false
	store := newCredentials(func(context.Context, string) (emulator.Credentials, error) {
		if down {
			return emulator.Credentials{}, errors.New("connection refused")
		}
		calls++
		return emulator.Credentials{AccessKeyID: "key-" + strconv.Itoa(calls), Expiration: now.Add(6 * time.Hour)}, nil
	}, func() time.Time { return now })
	instance := emulator.Instance{ID: "i-1", RoleARN: "arn:aws:iam::1:role/a"}

	steps := []struct {
		name    string
		advance time.Duration
		role    string
		down    bool
		want    string // empty: an error
	}{
		{"first", 0, "a", false, "key-1"},
		{"cached", 5 * time.Hour, "a", false, "key-1"},
		{"renewed before the end", 31 * time.Minute, "a", false, "key-2"},
		{"another role", time.Minute, "b", false, "key-3"},
		{"due, but the emulator is down", 5*time.Hour + 45*time.Minute, "b", true, "key-3"},
		{"over, and the emulator is down", 20 * time.Minute, "b", true, ""},
		{"back", 0, "b", false, "key-4"},
	}
	for _, step := range steps {
		now = now.Add(step.advance)
		down = step.down
		instance.RoleARN = step.role
		got, err := store.of(t.Context(), instance)
		if got.AccessKeyID != step.want || (err != nil) != (step.want == "") {
			t.Fatalf("%s: %q, %v; want %q", step.name, got.AccessKeyID, err, step.want)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	issuer := tokens{key: []byte("key"), now: func() time.Time { return now }}
	token := issuer.issue("i-1", time.Minute)
	changed := []byte(token)
	changed[3] ^= 1
	tests := []struct {
		name, instance, token string
		after                 time.Duration
		want                  bool
	}{
		{"fresh", "i-1", token, 0, true},
		{"just before its end", "i-1", token, time.Minute - time.Millisecond, true},
		{"at its end", "i-1", token, time.Minute, false},
		{"on another instance", "i-2", token, 0, false},
		{"changed", "i-1", string(changed), 0, false},
		{"none", "i-1", "", 0, false},
		{"no token", "i-1", "hello", 0, false},
	}
	for _, test := range tests {
		later := tokens{key: issuer.key, now: func() time.Time { return now.Add(test.after) }}
		if got := later.valid(test.instance, test.token); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

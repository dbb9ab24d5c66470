package ssh

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/inventory"
)

func printed(key string) string {
	return "boot\n" + consoleBegin + "\n" + key + " root@x\n" + consoleEnd + "\n"
}

func recorded(t *testing.T, keys map[string]string) string {
	t.Helper()
	content := record{Schema: recordSchema, Hosts: map[string]recordedHost{}}
	for id, key := range keys {
		content.Hosts[id] = recordedHost{Keys: []string{key}}
	}
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestTrustedKeys(t *testing.T) {
	a, b := inventory.Host{ID: "i-0aaaaaaaa", Name: "a"}, inventory.Host{ID: "i-0bbbbbbbb", Name: "b"}
	running := map[string]string{a.ID: "running", b.ID: "running"}
	tests := []struct {
		name    string
		cloud   *cloud
		limit   time.Duration
		want    Keys
		failure string     // part of the error
		code    fault.Code // of the error
		record  []string   // ids in the record afterwards
	}{
		{
			name:  "both new, one prints late",
			cloud: &cloud{states: running, consoles: map[string][]string{a.ID: {printed(keyED25519)}, b.ID: {"", "", printed(keyOther)}}},
			want:  Keys{a.ID: {keyED25519}, b.ID: {keyOther}}, record: []string{a.ID, b.ID},
		},
		{
			name:  "not a Nitro instance",
			cloud: &cloud{states: running, noLatest: true, consoles: map[string][]string{a.ID: {printed(keyED25519)}, b.ID: {printed(keyOther)}}},
			want:  Keys{a.ID: {keyED25519}, b.ID: {keyOther}}, record: []string{a.ID, b.ID},
		},
		{
			name:  "all known: the console is not asked",
			cloud: &cloud{object: recorded(t, map[string]string{a.ID: keyED25519, b.ID: keyOther}), consoles: map[string][]string{a.ID: {printed(keyOther)}}},
			want:  Keys{a.ID: {keyED25519}, b.ID: {keyOther}}, record: []string{a.ID, b.ID},
		},
		{
			name: "one known, one new, one gone",
			cloud: &cloud{
				states: map[string]string{b.ID: "running", "i-0dddddddd": "running", "i-0eeeeeeee": "terminated"}, consoles: map[string][]string{b.ID: {printed(keyOther)}},
				object: recorded(t, map[string]string{a.ID: keyED25519, "i-0cccccccc": keyED25519, "i-0dddddddd": keyED25519, "i-0eeeeeeee": keyED25519}),
			},
			want: Keys{a.ID: {keyED25519}, b.ID: {keyOther}}, record: []string{a.ID, b.ID, "i-0dddddddd"},
		},
		{
			name: "somebody else wrote first",
			cloud: &cloud{
				states: running, consoles: map[string][]string{a.ID: {printed(keyED25519)}, b.ID: {printed(keyOther)}},
				conflicts: 2, meanwhile: recorded(t, map[string]string{a.ID: keyED25519, "i-0dddddddd": keyOther}),
			},
			want: Keys{a.ID: {keyED25519}, b.ID: {keyOther}}, record: []string{a.ID, b.ID, "i-0dddddddd"},
		},
		{
			name: "somebody else wrote other keys",
			cloud: &cloud{
				states: running, consoles: map[string][]string{a.ID: {printed(keyED25519)}, b.ID: {printed(keyOther)}},
				conflicts: 1, meanwhile: recorded(t, map[string]string{a.ID: keyOther}),
			},
			failure: "other keys", code: fault.Refused, record: []string{a.ID},
		},
		{
			name:  "never printed: what was found is kept",
			cloud: &cloud{states: running, consoles: map[string][]string{a.ID: {printed(keyED25519)}}},
			limit: 50 * time.Millisecond, failure: "b (i-0bbbbbbbb)", code: fault.Hosts, record: []string{a.ID},
		},
		{
			name:    "an instance is gone",
			cloud:   &cloud{states: map[string]string{a.ID: "running"}, consoles: map[string][]string{a.ID: {printed(keyED25519)}}},
			failure: "b (i-0bbbbbbbb)", code: fault.Hosts,
		},
		{
			name:    "a corrupt record",
			cloud:   &cloud{object: "{", states: running},
			failure: "s3://state/hosts/test/known_hosts.json", code: fault.Failed,
		},
		{
			name:    "a record of another kind",
			cloud:   &cloud{object: `{"schema":"infra/known-hosts/v2"}`, states: running},
			failure: "its schema is", code: fault.Failed,
		},
		{
			name:    "a forged line in the record",
			cloud:   &cloud{object: `{"schema":"infra/known-hosts/v1","hosts":{"i-0aaaaaaaa":{"keys":["* ssh-ed25519 AAAA\n* x"]}}}`, states: running},
			failure: "malformed", code: fault.Failed,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, store := test.cloud.start(t)
			limit := test.limit
			if limit == 0 {
				limit = time.Minute
			}
			got, err := TrustedKeys(t.Context(), client, store, []inventory.Host{a, b}, limit, nil)
			if test.failure != "" {
				if err == nil || !strings.Contains(err.Error(), test.failure) || fault.CodeOf(err) != test.code || fault.HintOf(err) == "" {
					t.Errorf("got %v (code %d, hint %q)", err, fault.CodeOf(err), fault.HintOf(err))
				}
			} else if err != nil || !maps.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("got %v, %v", got, err)
			}
			if test.record != nil {
				var content record
				if err := json.Unmarshal([]byte(test.cloud.object), &content); err != nil {
					t.Fatal(err)
				}
				if ids := slices.Sorted(maps.Keys(content.Hosts)); !slices.Equal(ids, test.record) {
					t.Errorf("recorded %v, want %v", ids, test.record)
				}
			}
			if strings.HasPrefix(test.name, "all known") && !slices.Equal(test.cloud.calls, []string{"GET"}) {
				t.Errorf("calls: %v", test.cloud.calls)
			}
		})
	}
}

// Who only looks gets the keys all the same, and writes nothing.
func TestTrustedKeysReadOnly(t *testing.T) {
	t.Parallel()
	a := inventory.Host{ID: "i-0aaaaaaaa", Name: "a"}
	cloud := &cloud{states: map[string]string{a.ID: "running"}, consoles: map[string][]string{a.ID: {printed(keyED25519)}}}
	client, store := cloud.start(t)
	store.ReadOnly = true
	got, err := TrustedKeys(t.Context(), client, store, []inventory.Host{a}, time.Minute, nil)
	if err != nil || !slices.Equal(got[a.ID], []string{keyED25519}) {
		t.Errorf("got %v, %v", got, err)
	}
	if cloud.object != "" || slices.Contains(cloud.calls, "PUT") {
		t.Errorf("it has written %q: %v", cloud.object, cloud.calls)
	}
}

package account

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"infra/internal/fault"
)

// caller has these variables and no other way to credentials.
func caller(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // to be put back
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// amazon stands in for STS and IAM: each role session that it gives has a
// number and lasts for life.
type amazon struct {
	*httptest.Server
	life     time.Duration
	sessions int
	asked    url.Values // of the last AssumeRole
	by       string     // access key of the last request
	keys     string     // answer to ListAccessKeys; empty: denied
}

func newAmazon(t *testing.T) *amazon {
	t.Helper()
	a := &amazon{life: time.Hour}
	a.Server = httptest.NewServer(http.HandlerFunc(a.answer))
	t.Cleanup(a.Close)
	t.Setenv("AWS_ENDPOINT_URL", a.URL)
	return a
}

func (a *amazon) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	a.by, _, _ = strings.Cut(signature, "/")
	switch action := form.Get("Action"); {
	case strings.HasPrefix(action, "AssumeRole"):
		a.sessions, a.asked = a.sessions+1, form
		_, _ = fmt.Fprintf(w, `<%sResponse><%sResult><Credentials><AccessKeyId>ASIASESSION%d</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></%sResult></%sResponse>`,
			action, action, a.sessions, time.Now().Add(a.life).UTC().Format(time.RFC3339), action, action)
	case action == "GetCallerIdentity":
		_, _ = fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::111111111111:assumed-role/r/%s</Arn>
<UserId>u</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, a.by)
	case action == "ListAccessKeys" && a.keys != "":
		_, _ = io.WriteString(w, a.keys)
	default:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
	}
}

// role is a target whose role has to be assumed.
func role() Target {
	return Target{Region: "eu-west-1", RoleARN: "arn:aws:iam::111111111111:role/r", ExternalID: "ext", Session: "infra-prod"}
}

// jwt is a web identity token that ends at a time.
func jwt(t *testing.T, end time.Time) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	text := "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, end.Unix())) + ".c2ln"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a configuration file whose credentials come from a program.
func process(t *testing.T, end time.Time) string {
	t.Helper()
	dir := t.TempDir()
	answer := filepath.Join(dir, "answer")
	text := fmt.Sprintf(`{"Version":1,"AccessKeyId":"ASIAPROCESS","SecretAccessKey":"s","SessionToken":"t","Expiration":%q}`, end.UTC().Format(time.RFC3339))
	if err := os.WriteFile(answer, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config")
	if err := os.WriteFile(path, []byte("[default]\ncredential_process = cat "+answer+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRow25Expiry(t *testing.T) {
	soon := time.Now().Add(20 * time.Minute).Truncate(time.Second)
	key := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s"}
	session := map[string]string{"AWS_ACCESS_KEY_ID": "ASIAENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
	dated := map[string]string{"AWS_CREDENTIAL_EXPIRATION": soon.Format(time.RFC3339)}
	for name, value := range session {
		dated[name] = value
	}
	for name, c := range map[string]struct {
		variables   map[string]string
		target      Target
		life        time.Duration // of role sessions
		expires     time.Time     // to the nearest minute; zero: unknown or never
		refreshable bool
	}{
		"a user's key":                       {variables: key},
		"a session":                          {variables: session},
		"a session that says its end":        {variables: dated, expires: soon},
		"a program":                          {variables: map[string]string{"AWS_CONFIG_FILE": process(t, soon)}, expires: soon, refreshable: true},
		"a role by a user's key":             {variables: key, target: role(), life: time.Hour, expires: time.Now().Add(55 * time.Minute), refreshable: true},
		"a role by a session":                {variables: session, target: role(), life: time.Hour},
		"a role by a session that says when": {variables: dated, target: role(), life: time.Hour, expires: soon},
		"a role by a program":                {variables: map[string]string{"AWS_CONFIG_FILE": process(t, soon)}, target: role(), life: time.Hour, expires: time.Now().Add(55 * time.Minute), refreshable: true},
	} {
		t.Run("row 25: "+name, func(t *testing.T) {
			caller(t, c.variables)
			newAmazon(t).life = c.life
			c.target.Region = "eu-west-1"
			cfg, err := Config(t.Context(), c.target)
			if err != nil {
				t.Fatal(err)
			}
			expires, refreshable, err := Expiry(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			off := expires.Sub(c.expires).Abs()
			if refreshable != c.refreshable || expires.IsZero() != c.expires.IsZero() || off > time.Minute {
				t.Errorf("expires %s, refreshable %v; want %s, %v", expires, refreshable, c.expires, c.refreshable)
			}
		})
	}
}

// A pipeline's token file may outlive the token that is in it.
func TestRow25WebIdentity(t *testing.T) {
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	c := aws.Credentials{SessionToken: "t", CanExpire: true, Expires: end}
	sources := []aws.CredentialSource{aws.CredentialSourceEnvVarsSTSWebIDToken, aws.CredentialSourceSTSAssumeRoleWebID}
	for name, want := range map[string]struct {
		file        string
		refreshable bool
	}{
		"a pipeline's token": {jwt(t, end.Add(-50*time.Minute)), false},
		"a token that lasts": {jwt(t, end.Add(time.Hour)), true},
		"no one can tell":    {filepath.Join(t.TempDir(), "none"), true},
	} {
		expires, refreshable := lifetime(c, sources, func(string) string { return want.file })
		if !expires.Equal(end) || refreshable != want.refreshable {
			t.Errorf("row 25: %s: expires %s, refreshable %v", name, expires, refreshable)
		}
	}
}

func TestExpiryWithoutCredentials(t *testing.T) {
	caller(t, nil)
	cfg, err := Config(t.Context(), Target{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Expiry(t.Context(), cfg); err == nil || fault.HintOf(err) == "" {
		t.Errorf("error %v, hint %q", err, fault.HintOf(err))
	}
	if expires, refreshable, err := Expiry(t.Context(), aws.Config{}); err != nil || refreshable || !expires.IsZero() {
		t.Errorf("no credentials wanted: %v %v %v", expires, refreshable, err)
	}
}

func TestTheRoleIsAssumedForAnHour(t *testing.T) {
	caller(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s"})
	a := newAmazon(t)
	cfg, err := Config(t.Context(), role())
	if err != nil {
		t.Fatal(err)
	}
	who, err := Caller(t.Context(), cfg, role())
	if err != nil || who.ARN != "arn:aws:sts::111111111111:assumed-role/r/ASIASESSION1" {
		t.Errorf("the caller is %+v, %v", who, err)
	}
	for name, want := range map[string]string{"DurationSeconds": "3600", "ExternalId": "ext", "RoleSessionName": "infra-prod", "RoleArn": role().RoleARN} {
		if got := a.asked.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// A session is replaced before it ends, not when it has.
func TestARoleIsRenewedInTime(t *testing.T) {
	caller(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s"})
	a := newAmazon(t)
	a.life = roleMargin - time.Minute
	cfg, err := Config(t.Context(), role())
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		got, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil || got.AccessKeyID != fmt.Sprintf("ASIASESSION%d", n) {
			t.Errorf("credentials %d are %s, %v", n, got.AccessKeyID, err)
		}
	}
}

func TestKeyAge(t *testing.T) {
	const keys = `<ListAccessKeysResponse><ListAccessKeysResult><IsTruncated>false</IsTruncated><AccessKeyMetadata>
<member><AccessKeyId>AKIAOTHER</AccessKeyId><CreateDate>2019-01-01T00:00:00Z</CreateDate></member>
<member><AccessKeyId>AKIAUSER</AccessKeyId><CreateDate>2020-02-03T04:05:06Z</CreateDate></member></AccessKeyMetadata></ListAccessKeysResult></ListAccessKeysResponse>`
	made := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, c := range map[string]struct {
		key    string
		target Target
		keys   string
		want   time.Time
	}{
		"a user's key":           {key: "AKIAUSER", keys: keys, want: made},
		"a role by a user's key": {key: "AKIAUSER", target: role(), keys: keys, want: made},
		"a session":              {key: "ASIASESSION", keys: keys},
		"not allowed to ask":     {key: "AKIAUSER"},
		"not listed":             {key: "AKIANEW", keys: keys},
	} {
		t.Run(name, func(t *testing.T) {
			caller(t, map[string]string{"AWS_ACCESS_KEY_ID": c.key, "AWS_SECRET_ACCESS_KEY": "s"})
			a := newAmazon(t)
			a.keys = c.keys
			c.target.Region = "eu-west-1"
			cfg, err := Config(t.Context(), c.target)
			if err != nil {
				t.Fatal(err)
			}
			got, err := KeyAge(t.Context(), cfg, Identity{ARN: "arn"})
			if err != nil || !got.Equal(c.want) {
				t.Errorf("made %s, %v; want %s", got, err, c.want)
			}
			if a.by != "" && a.by != c.key {
				t.Errorf("%s asked, not the user", a.by)
			}
		})
	}
	caller(t, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
	cfg, err := Config(t.Context(), Target{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := KeyAge(t.Context(), cfg, Identity{}); err != nil || !got.IsZero() {
		t.Errorf("no way to IAM: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := KeyAge(ctx, cfg, Identity{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTokenEnd(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "no token": "x.y", "no base64": "a.!.b", "no JSON": "a.eA.b", "no end": "a.e30.b"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if end := tokenEnd(path); !end.IsZero() {
			t.Errorf("%s: ends %s", name, end)
		}
	}
	if end := tokenEnd(filepath.Join(dir, "none")); !end.IsZero() {
		t.Errorf("no file: ends %s", end)
	}
}

package services

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"infra/internal/sandbox/emulator"
)

// metadataFor serves the metadata of world, its first instance living at
// 127.0.0.1.
func metadataFor(t *testing.T) *httptest.Server {
	t.Helper()
	snapshot := world()
	snapshot.Instances[0].PrivateAddresses = append(snapshot.Instances[0].PrivateAddresses, "127.0.0.1")
	fetch := func(_ context.Context, instance string) (emulator.Credentials, error) {
		return emulator.Credentials{
			AccessKeyID: "ASIA" + instance, SecretAccessKey: "secret", Token: "token",
			Expiration: time.Now().Add(6 * time.Hour),
		}, nil
	}
	server := httptest.NewServer(&metadataServer{
		snapshot:    func() emulator.Snapshot { return snapshot },
		credentials: newCredentials(fetch, time.Now),
		tokens:      tokens{key: []byte("key"), now: time.Now},
		log:         slog.New(slog.DiscardHandler),
	})
	t.Cleanup(server.Close)
	return server
}

func TestMetadataForTheSDK(t *testing.T) {
	t.Parallel()
	client := imds.New(imds.Options{Endpoint: metadataFor(t).URL})
	document, err := client.GetInstanceIdentityDocument(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if document.InstanceID != "i-0aaa" || document.Region != "eu-west-1" || document.AccountID != "123456789012" {
		t.Errorf("identity document %+v", document.InstanceIdentityDocument)
	}
	if info, err := client.GetIAMInfo(t.Context(), nil); err != nil || info.InstanceProfileArn != "arn:aws:iam::123456789012:instance-profile/zk" {
		t.Errorf("IAM info %v, %v", info, err)
	}
	if region, err := client.GetRegion(t.Context(), nil); err != nil || region.Region != "eu-west-1" {
		t.Errorf("region %v, %v", region, err)
	}
	userData, err := client.GetUserData(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(userData.Content); err != nil || string(text) != "#cloud-config\nhostname: zookeeper-1\n" {
		t.Errorf("user data %q, %v", text, err)
	}
	provider := ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = client })
	if keys, err := provider.Retrieve(t.Context()); err != nil || keys.AccessKeyID != "ASIAi-0aaa" || !keys.CanExpire {
		t.Errorf("credentials %v, %v", keys, err)
	}
}

func TestMetadataOverHTTP(t *testing.T) {
	t.Parallel()
	server := metadataFor(t)
	do := func(method, path string, headers ...string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	const ttl = "X-aws-ec2-metadata-token-ttl-seconds"
	_, token := do(http.MethodPut, "/latest/api/token", ttl, "60")
	own := []string{"X-aws-ec2-metadata-token", token}
	tests := []struct {
		name, method, path string
		headers            []string
		status             int
		body               string // "-": any
	}{
		{"no token", "GET", "/latest/meta-data/", nil, 401, "-"},
		{"wrong token", "GET", "/latest/meta-data/", []string{own[0], "x"}, 401, "-"},
		{"token without its life", "PUT", "/latest/api/token", nil, 400, "-"},
		{"token that lives too long", "PUT", "/latest/api/token", []string{ttl, "21601"}, 400, "-"},
		{"token through a proxy", "PUT", "/latest/api/token", []string{ttl, "60", "X-Forwarded-For", "10.0.0.1"}, 403, "-"},
		{"token by GET", "GET", "/latest/api/token", own, 405, "-"},
		{"leaf", "GET", "/latest/meta-data/instance-id", own, 200, "i-0aaa"},
		{"leaf with a slash", "GET", "/2021-03-23/meta-data/instance-id/", own, 200, "i-0aaa"},
		{"doubled slashes", "GET", "//latest//meta-data/instance-id", own, 200, "i-0aaa"},
		{"folder", "GET", "/2009-04-04/meta-data/placement", own, 200, "availability-zone\nregion"},
		{"role", "GET", "/latest/meta-data/iam/security-credentials", own, 200, "zk"},
		{"versions", "GET", "/", own, 200, "-"},
		{"version", "GET", "/latest", own, 200, "dynamic/\nmeta-data/\nuser-data"},
		{"no such version", "GET", "/2030-01-01/meta-data/", own, 404, "-"},
		{"nothing there", "GET", "/latest/meta-data/spot/instance-action", own, 404, "-"},
		{"no GET", "POST", "/latest/meta-data/", own, 405, "-"},
	}
	for _, test := range tests {
		status, body := do(test.method, test.path, test.headers...)
		if status != test.status || (test.body != "-" && body != test.body) {
			t.Errorf("%s: %d %q, want %d %q", test.name, status, body, test.status, test.body)
		}
	}
}

func TestMetadataForNobody(t *testing.T) {
	t.Parallel()
	snapshot := world()
	server := &metadataServer{
		snapshot: func() emulator.Snapshot { return snapshot },
		tokens:   tokens{key: []byte("key"), now: time.Now}, log: slog.New(slog.DiscardHandler),
	}
	for _, from := range []string{"10.20.1.99:1234", "10.20.1.20:1234", "nonsense"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/latest/api/token", http.NoBody)
		request.Header.Set(tokenTTLHeader, "60")
		request.RemoteAddr = from
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", from, recorder.Code)
		}
	}
}

package emulator_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A log group can be given another key, and be without one again.
func TestLogGroupsChangeTheirKey(t *testing.T) {
	call := func(action, body string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.Client().Endpoint(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", "Logs_20140328."+action)
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=sandbox/20260101/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=0")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		if closeErr := response.Body.Close(); err != nil || closeErr != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %v %s", action, response.Status, err, closeErr, answer)
		}
		return string(answer)
	}
	const group = `{"logGroupName":"/keyed"`
	call("CreateLogGroup", group+`}`)
	call("AssociateKmsKey", group+`,"kmsKeyId":"arn:aws:kms:eu-west-1:123456789012:key/one"}`)
	if seen := call("DescribeLogGroups", `{"logGroupNamePrefix":"/keyed"}`); !strings.Contains(seen, "key/one") {
		t.Errorf("the key is not shown: %s", seen)
	}
	call("DisassociateKmsKey", group+`}`)
	if seen := call("DescribeLogGroups", `{"logGroupNamePrefix":"/keyed"}`); strings.Contains(seen, "key/one") {
		t.Errorf("the key is still shown: %s", seen)
	}
}

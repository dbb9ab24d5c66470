package ssh

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// cloud answers the few EC2 and S3 calls that this package makes, with the
// conditional writes of S3.
type cloud struct {
	mutex     sync.Mutex
	states    map[string]string   // instance id to state
	consoles  map[string][]string // instance id to console texts, one a request; the last stays
	noLatest  bool                // GetConsoleOutput refuses Latest
	object    string              // the record, "" when there is none
	version   int                 // its ETag
	conflicts int                 // so many writes find that somebody else was first
	meanwhile string              // what that somebody wrote
	calls     []string
}

func (c *cloud) start(t *testing.T) (*ec2.Client, Record) {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	config := aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 1,
	}
	client := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	return ec2.NewFromConfig(config), Record{Client: client, Bucket: "state", Environment: "test", Account: "123456789012"}
}

// ServeHTTP tells the services apart by method and body: EC2 is POST.
func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodPost {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.calls = append(c.calls, form.Get("Action"))
		c.ec2(w, form)
		return
	}
	c.calls = append(c.calls, r.Method)
	c.s3(w, r, string(body))
}

func (c *cloud) ec2(w http.ResponseWriter, form url.Values) {
	id := form.Get("InstanceId")
	switch form.Get("Action") {
	case "DescribeInstances":
		var items strings.Builder
		for i := 1; form.Get(fmt.Sprintf("Filter.1.Value.%d", i)) != ""; i++ {
			id := form.Get(fmt.Sprintf("Filter.1.Value.%d", i))
			if state, ok := c.states[id]; ok {
				fmt.Fprintf(&items, "<item><instanceId>%s</instanceId><launchTime>2026-11-22T08:00:00.000Z</launchTime><instanceState><name>%s</name></instanceState></item>", id, state)
			}
		}
		reply(w, "DescribeInstances", "<reservationSet><item><instancesSet>"+items.String()+"</instancesSet></item></reservationSet>")
	case "GetConsoleOutput":
		if c.noLatest && form.Get("Latest") == "true" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "<Response><Errors><Error><Code>UnsupportedOperation</Code><Message>no</Message></Error></Errors></Response>")
			return
		}
		text := ""
		if texts := c.consoles[id]; len(texts) > 0 {
			text = texts[0]
			if len(texts) > 1 {
				c.consoles[id] = texts[1:]
			}
		}
		reply(w, "GetConsoleOutput", "<instanceId>"+id+"</instanceId><output>"+base64.StdEncoding.EncodeToString([]byte(text))+"</output>")
	default:
		http.Error(w, "not here", http.StatusNotImplemented)
	}
}

func reply(w http.ResponseWriter, action, content string) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">%s</%sResponse>`, action, content, action)
}

func (c *cloud) s3(w http.ResponseWriter, r *http.Request, body string) {
	if r.URL.Path != "/state/hosts/test/known_hosts.json" || r.Header.Get("x-amz-expected-bucket-owner") != "123456789012" {
		http.Error(w, "unexpected "+r.URL.Path, http.StatusForbidden)
		return
	}
	etag := fmt.Sprintf(`"%d"`, c.version)
	if r.Method == http.MethodGet {
		if c.object == "" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
			return
		}
		w.Header().Set("ETag", etag)
		_, _ = io.WriteString(w, c.object)
		return
	}
	if c.conflicts > 0 {
		c.conflicts--
		c.object = c.meanwhile
		c.version++
		etag = fmt.Sprintf(`"%d"`, c.version)
	}
	if match := r.Header.Get("If-Match"); match != "" && match != etag || r.Header.Get("If-None-Match") == "*" && c.object != "" {
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = io.WriteString(w, "<Error><Code>PreconditionFailed</Code></Error>")
		return
	}
	c.object = body
	c.version++
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, c.version))
}

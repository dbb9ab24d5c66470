package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is what the proxy saw of one request.
type Request struct {
	Time    time.Time
	Method  string
	Path    string // escaped
	Query   string // without "?"
	Service string // signing name, from the signature's scope; "" when not signed
	Action  string // of an API with one path; "" for S3 and others with paths
	Fault   string // what happened to it; "" when it passed
}

// URI is the path and, when there is one, the query behind "?".
func (r Request) URI() string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

// String is the request on one line.
func (r Request) String() string {
	text := r.Method + " " + r.URI()
	if r.Action != "" {
		text += " " + r.Service + ":" + r.Action
	}
	if r.Fault != "" {
		text += " -> " + r.Fault
	}
	return text
}

// formLimit bounds how much of a form is read for its action.
const formLimit = 4 << 20

// describe reads what a request is about. A form is read for its action and
// put back.
func describe(r *http.Request) (Request, error) {
	request := Request{
		Time: time.Now(), Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Service: service(r.Header.Get("Authorization")),
	}
	if _, action, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		request.Action = action
		return request, nil
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || request.Service == "s3" {
		return request, nil
	}
	form, err := io.ReadAll(io.LimitReader(r.Body, formLimit+1))
	if err != nil {
		return request, err
	}
	if len(form) > formLimit {
		return request, fmt.Errorf("a form of more than %d bytes", formLimit)
	}
	r.Body = io.NopCloser(bytes.NewReader(form))
	values, err := url.ParseQuery(string(form))
	if err != nil {
		return request, nil //nolint:nilerr // not a form after all: the server may judge it
	}
	request.Action = values.Get("Action")
	return request, nil
}

// service finds the signing name in an Authorization header:
// AWS4-HMAC-SHA256 Credential=KEY/20260101/eu-west-1/s3/aws4_request, ...
func service(authorization string) string {
	_, credential, _ := strings.Cut(authorization, "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	if scope := strings.Split(credential, "/"); len(scope) >= 5 {
		return scope[len(scope)-2]
	}
	return ""
}

package services

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"infra/internal/sandbox/emulator"
)

// IMDSv2's own names.
const (
	tokenPath      = "/latest/api/token"
	tokenHeader    = "X-Aws-Ec2-Metadata-Token"
	tokenTTLHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
)

// versions are the trees that EC2 lists at its top. They differ there in what
// was known at the time; here every one of them is the latest.
func versions() []string {
	return []string{
		"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
		"2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20",
		"2016-04-19", "2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01",
		"2020-10-27", "2021-01-03", "2021-03-23", "2021-07-15", "2022-07-09", "2022-09-24", "latest",
	}
}

// metadataServer is the instance metadata service with HttpTokens=required:
// the caller is the instance that holds the source address, and without a
// session token of its own it is refused.
type metadataServer struct {
	snapshot    func() emulator.Snapshot
	credentials *credentials
	tokens      tokens
	log         *slog.Logger
}

// ServeHTTP answers like EC2: 404 to whoever is no instance, 401 without a
// valid token, 403 to requests that came through a proxy.
func (m *metadataServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		refuse(w, http.StatusNotFound)
		return
	}
	snapshot := m.snapshot()
	instance, found := instanceAt(snapshot, peer.Addr())
	if !found {
		m.log.Warn("metadata asked for by no instance", "address", peer.Addr().String(), "path", r.URL.Path)
		refuse(w, http.StatusNotFound)
		return
	}
	path := cleanPath(r.URL.Path)
	switch {
	case path == tokenPath:
		m.serveToken(w, r, instance.ID)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		refuse(w, http.StatusMethodNotAllowed)
	case !m.tokens.valid(instance.ID, r.Header.Get(tokenHeader)):
		refuse(w, http.StatusUnauthorized)
	default:
		m.serveTree(w, r, path, snapshot, instance)
	}
}

func (m *metadataServer) serveToken(w http.ResponseWriter, r *http.Request, instance string) {
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", "OPTIONS, PUT")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if r.Header.Get("X-Forwarded-For") != "" {
		refuse(w, http.StatusForbidden)
		return
	}
	seconds, err := strconv.Atoi(r.Header.Get(tokenTTLHeader))
	ttl := time.Duration(seconds) * time.Second
	if err != nil || seconds < 1 || ttl > maxTokenTTL {
		refuse(w, http.StatusBadRequest)
		return
	}
	w.Header().Set(tokenTTLHeader, strconv.Itoa(seconds))
	m.write(w, "text/plain", m.tokens.issue(instance, ttl))
}

func (m *metadataServer) serveTree(w http.ResponseWriter, r *http.Request, path string, snapshot emulator.Snapshot, instance emulator.Instance) {
	version, below, _ := strings.Cut(strings.Trim(path, "/"), "/")
	if version == "" {
		m.write(w, "text/plain", strings.Join(versions(), "\n"))
		return
	}
	if !slices.Contains(versions(), version) {
		refuse(w, http.StatusNotFound)
		return
	}
	content, found := MetadataTree(snapshot, instance).Get(below)
	switch {
	case !found:
		refuse(w, http.StatusNotFound)
	case instance.RoleName != "" && below == credentialsFolder+"/"+instance.RoleName:
		m.serveCredentials(w, r, instance)
	case below == "user-data":
		m.write(w, "application/octet-stream", content)
	default:
		m.write(w, "text/plain", content)
	}
}

// roleCredentials is EC2's answer for a role; readers insist on Code Success.
type roleCredentials struct {
	Code            string
	LastUpdated     string
	Type            string
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      string
}

func (m *metadataServer) serveCredentials(w http.ResponseWriter, r *http.Request, instance emulator.Instance) {
	held, err := m.credentials.of(r.Context(), instance)
	if err != nil {
		m.log.Error("credentials for an instance's role", "instance", instance.ID, "role", instance.RoleARN, "error", err)
		refuse(w, http.StatusInternalServerError)
		return
	}
	text, err := json.MarshalIndent(roleCredentials{
		Code: "Success", LastUpdated: held.since.UTC().Format(time.RFC3339), Type: "AWS-HMAC",
		AccessKeyID: held.AccessKeyID, SecretAccessKey: held.SecretAccessKey, Token: held.Token,
		Expiration: held.Expiration.UTC().Format(time.RFC3339),
	}, "", "  ")
	if err != nil {
		m.log.Error("encode the credentials of a role", "instance", instance.ID, "error", err)
		refuse(w, http.StatusInternalServerError)
		return
	}
	m.write(w, "text/plain", string(text))
}

func (m *metadataServer) write(w http.ResponseWriter, kind, content string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if _, err := io.WriteString(w, content); err != nil {
		m.log.Debug("a metadata answer was not read to its end", "error", err)
	}
}

// refuse sends EC2's page for an error.
func refuse(w http.ResponseWriter, status int) {
	text := fmt.Sprintf("%d - %s", status, http.StatusText(status))
	page := "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n"
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	// Nobody is left to tell when the caller does not read its refusal.
	_, _ = io.WriteString(w, page)
}

// cleanPath takes double slashes for single ones, as EC2 does: some clients
// join paths carelessly.
func cleanPath(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// requestID goes with every made-up error, so that a log tells it apart.
const requestID = "fault-proxy"

// answer writes the fault as the service would: clients of S3, of EC2, of the
// other query APIs and of the JSON APIs each read another shape.
func (f Fault) answer(w http.ResponseWriter, r *http.Request, service string) {
	message := "made up by the fault proxy"
	kind, body := "application/xml", ""
	switch {
	case service == "ec2":
		body = fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>", f.code, message, requestID)
	case r.Header.Get("X-Amz-Target") != "" || strings.Contains(r.Header.Get("Content-Type"), "json"):
		kind = "application/x-amz-json-1.1"
		text, err := json.Marshal(map[string]string{"__type": f.code, "message": message})
		if err != nil {
			panic(http.ErrAbortHandler) // two strings always encode
		}
		body = string(text)
		w.Header().Set("X-Amzn-Errortype", f.code)
	case service == "s3" || service == "":
		body = fmt.Sprintf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message><RequestId>%s</RequestId></Error>", f.code, message, requestID)
	default:
		body = fmt.Sprintf("<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>", f.code, message, requestID)
	}
	// An answer to an upload that nobody read would end the connection under
	// the caller's hands, which is another fault.
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Amzn-Requestid", requestID)
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // the caller may be gone
	}
}

// faultKey carries the fault of a response through the reverse proxy.
type faultKey struct{}

// spoil does to a server's answer what the request's rule says.
func (p *Proxy) spoil(response *http.Response) error {
	ctx := response.Request.Context()
	fault, ok := ctx.Value(faultKey{}).(Fault)
	if !ok {
		return nil
	}
	switch fault.kind {
	case paces:
		if left := time.Until(fault.due); left > 0 && !p.wait(ctx, left) {
			return errLost
		}
	case loses:
		return errLost
	case cuts:
		response.Body = &cutter{body: response.Body, left: fault.bytes}
	case drips:
		response.Body = &dripper{body: response.Body, done: response.Request.Context().Done(), rate: fault.bytes}
	case nothing, answers, resets, stalls, delays:
	}
	return nil
}

// cutter ends a body with an error after so many bytes.
type cutter struct {
	body io.ReadCloser
	left int
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLost
	}
	n, err := c.body.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func (c *cutter) Close() error { return c.body.Close() }

// dripper gives a body at so many bytes per second, in tenths of a second or,
// below ten bytes per second, byte by byte.
type dripper struct {
	body io.ReadCloser
	done <-chan struct{} // the caller has hung up
	rate int
}

func (d *dripper) Read(p []byte) (int, error) {
	portion := max(1, d.rate/10)
	n, err := d.body.Read(p[:min(len(p), portion)])
	timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(d.rate))
	defer timer.Stop()
	select {
	case <-timer.C:
		return n, err
	case <-d.done:
		return n, errLost
	}
}

func (d *dripper) Close() error { return d.body.Close() }

package services

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// maxTokenTTL is the longest life of a session token that EC2 grants.
const maxTokenTTL = 6 * time.Hour

// tokens makes and checks IMDSv2 session tokens. A token is valid only on the
// instance that asked for it and needs no memory: it is its own expiry time,
// signed together with the instance's id.
type tokens struct {
	key []byte
	now func() time.Time
}

// issue makes a token for the instance that lives for ttl.
func (t tokens) issue(instance string, ttl time.Duration) string {
	expiry := binary.BigEndian.AppendUint64(nil, uint64(t.now().Add(ttl).UnixMilli())) //nolint:gosec // a time after 1970
	return base64.URLEncoding.EncodeToString(append(expiry, t.sign(instance, expiry)...))
}

// valid reports whether the token was issued to the instance and is not over.
func (t tokens) valid(instance, token string) bool {
	raw, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(raw) != 8+sha256.Size {
		return false
	}
	expiry, signature := raw[:8], raw[8:]
	if !hmac.Equal(signature, t.sign(instance, expiry)) {
		return false
	}
	return t.now().Before(time.UnixMilli(int64(binary.BigEndian.Uint64(expiry)))) //nolint:gosec // signed by us
}

func (t tokens) sign(instance string, expiry []byte) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(expiry)
	mac.Write([]byte(instance))
	return mac.Sum(nil)
}

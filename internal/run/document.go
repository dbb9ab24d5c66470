package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"infra/internal/fault"
)

// Document reads what an operation has written down beside the ledger, into
// doc. etag is what PutDocument wants to write over it; empty when there is no
// such document, or no bucket.
func (s *Store) Document(ctx context.Context, name string, doc any) (etag string, err error) {
	key := s.DocumentKey(name)
	o, err := s.get(ctx, key)
	if errors.Is(err, errAbsent) || errors.Is(err, errNoBucket) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(o.data, doc); err != nil {
		return "", s.damaged(key, fmt.Errorf("it is not what infra writes: %w", err))
	}
	return o.etag, nil
}

// PutDocument writes a document over the version that was read, or only where
// there is none when etag is empty. It is Locked when somebody else has written
// meanwhile.
func (s *Store) PutDocument(ctx context.Context, name string, doc any, etag string) (string, error) {
	o, err := s.put(ctx, s.DocumentKey(name), doc, etag)
	if errors.Is(err, errConflict) {
		return "", fault.New(fault.Locked, "write down how far it got", errors.New("somebody else does the same at this moment"), "infra runs "+s.environment)
	}
	return o.etag, err
}

// DocumentKey is where a document is in the bucket.
func (s *Store) DocumentKey(name string) string { return s.prefix() + name + ".json" }

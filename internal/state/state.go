package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/fault"
)

// State is what infra reads of a Terraform state (format version 4).
type State struct {
	Lineage   string
	Serial    uint64
	VersionID string // of the S3 object
	Outputs   map[string]Output
	Resources int // instances of managed resources
}

// Output is one output of a root module.
type Output struct {
	Value     json.RawMessage `json:"value"`
	Sensitive bool            `json:"sensitive"`
}

// ErrAbsent says that a stack has no state: it was never applied.
var ErrAbsent = errors.New("there is no state yet")

// sizeLimit bounds a state file; Terraform itself struggles long before.
const sizeLimit = 256 << 20

// Read gets the state at key. A stack that was never applied is ErrAbsent.
func (b *Bucket) Read(ctx context.Context, key string) (*State, error) {
	out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key, ExpectedBucketOwner: &b.Account})
	if err != nil {
		var response *awshttp.ResponseError
		if errors.As(err, &response) && response.HTTPStatusCode() == 404 {
			return nil, ErrAbsent
		}
		return nil, fault.New(fault.Failed, "read the state "+key, b.unreachable(ctx, err), "infra doctor")
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, sizeLimit))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fault.New(fault.Failed, "read the state "+key, err, "")
	}
	s, err := parse(data)
	if err != nil {
		return nil, fault.New(fault.Failed, fmt.Sprintf("read the state s3://%s/%s", b.Name, key), err,
			fmt.Sprintf("aws s3api list-object-versions --bucket %s --prefix %s", b.Name, key))
	}
	s.VersionID = aws.ToString(out.VersionId)
	return s, nil
}

func parse(data []byte) (*State, error) {
	var raw struct {
		Version   int               `json:"version"`
		Serial    uint64            `json:"serial"`
		Lineage   string            `json:"lineage"`
		Outputs   map[string]Output `json:"outputs"`
		Resources []struct {
			Mode      string            `json:"mode"`
			Instances []json.RawMessage `json:"instances"`
		} `json:"resources"`
	}
	if len(data) == 0 {
		return nil, errors.New("the state object is empty (zero bytes); applying now would create everything a second time")
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("the state is not valid JSON: %w", err)
	}
	if raw.Version != 4 {
		return nil, fmt.Errorf("the state has format version %d, infra reads version 4", raw.Version)
	}
	s := &State{Lineage: raw.Lineage, Serial: raw.Serial, Outputs: raw.Outputs}
	for _, r := range raw.Resources {
		if r.Mode == "managed" {
			s.Resources += len(r.Instances)
		}
	}
	return s, nil
}

// Decode puts an output's value into v; false when there is no such output.
func (s *State) Decode(name string, v any) (bool, error) {
	o, ok := s.Outputs[name]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(o.Value, v); err != nil {
		return true, fmt.Errorf("decode the output %s: %w", name, err)
	}
	return true, nil
}

package state

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
)

// Version is one version of a state in S3.
type Version struct {
	VersionID string
	Modified  time.Time // by S3's clock
	Size      int64     // bytes
	Latest    bool      // it is what Terraform reads now
	Deleted   bool      // the state was deleted at this version
	Lineage   string
	Serial    uint64
	Resources int    // instances of managed resources
	SHA256    string // hex
	Problem   string // why it cannot be read as a state; empty: it can
}

// atOnce is how many versions are read at the same time.
const atOnce = 8

// History is the newest n versions of the state at key, newest first, each
// one read. A state that never was has none.
func (b *Bucket) History(ctx context.Context, key string, n int) ([]Version, error) {
	versions, err := b.versions(ctx, key, n)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range versions {
		v := &versions[i]
		if v.Deleted {
			continue
		}
		group.Go(func() error {
			s, err := b.ReadVersion(ctx, key, v.VersionID)
			switch {
			case errors.Is(err, ErrAbsent): // its life cycle has just ended
				v.Problem = "it is gone"
			case errors.Is(err, ErrEmpty):
				v.Problem = "it has zero bytes"
			case errors.Is(err, ErrCorrupt):
				_, err = Parse(s.Raw)
				v.Problem = strings.TrimPrefix(err.Error(), ErrUnreadable.Error()+": ")
			case err != nil:
				return err
			}
			if s != nil {
				v.Lineage, v.Serial, v.Resources, v.SHA256 = s.Lineage, s.Serial, s.Resources, s.SHA256
			}
			return nil
		})
	}
	return versions, group.Wait()
}

// versions lists, without reading them.
func (b *Bucket) versions(ctx context.Context, key string, n int) ([]Version, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var versions []Version
	in := &s3.ListObjectVersionsInput{Bucket: &b.Name, Prefix: &key, ExpectedBucketOwner: &b.Account}
	for {
		out, err := b.s3.ListObjectVersions(ctx, in)
		if err != nil {
			if status(err) == 404 {
				return nil, nil
			}
			return nil, fault.New(fault.Failed, "list the versions of the state "+key, b.unreachable(ctx, err), "infra doctor")
		}
		// Other keys begin with this one, the lock's above all; they come after
		// it. Versions and delete markers come in two lists, each newest first.
		past := false
		for _, v := range out.Versions {
			if aws.ToString(v.Key) != key {
				past = true
				continue
			}
			versions = append(versions, Version{
				VersionID: aws.ToString(v.VersionId), Modified: aws.ToTime(v.LastModified).UTC(), Size: aws.ToInt64(v.Size), Latest: aws.ToBool(v.IsLatest),
			})
		}
		for _, d := range out.DeleteMarkers {
			if aws.ToString(d.Key) != key {
				past = true
				continue
			}
			versions = append(versions, Version{
				VersionID: aws.ToString(d.VersionId), Modified: aws.ToTime(d.LastModified).UTC(), Latest: aws.ToBool(d.IsLatest), Deleted: true,
			})
		}
		sortNewest(versions)
		if past || !aws.ToBool(out.IsTruncated) || len(versions) >= n {
			return versions[:min(n, len(versions))], nil
		}
		in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
	}
}

// sortNewest puts the newest version first. S3 tells times in seconds: equal
// ones stay in S3's order, and the latest is the newest whatever its time.
func sortNewest(versions []Version) {
	slices.SortStableFunc(versions, func(a, b Version) int {
		if a.Latest != b.Latest {
			if a.Latest {
				return -1
			}
			return 1
		}
		return b.Modified.Compare(a.Modified)
	})
}

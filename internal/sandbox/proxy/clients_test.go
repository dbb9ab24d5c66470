package proxy_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"infra/internal/sandbox/proxy"
)

// Made-up errors are those of AWS to AWS' own clients, each of which reads
// another shape.
func TestErrorsReachTheSDK(t *testing.T) {
	t.Parallel()
	p := start(t)
	config := aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(p.URL()),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	for name, c := range map[string]struct {
		code string
		call func() error
	}{
		"s3": {"SlowDown", func() error {
			_, err := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).
				GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: aws.String("b")})
			return err
		}},
		"kms": {"KMS.DisabledException", func() error {
			_, err := kms.NewFromConfig(config).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("k")})
			return err
		}},
		"sts": {"ExpiredToken", func() error {
			_, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), nil)
			return err
		}},
		"iam": {"AccessDenied", func() error {
			_, err := iam.NewFromConfig(config).GetUser(t.Context(), nil)
			return err
		}},
		"ec2": {"UnauthorizedOperation", func() error {
			_, err := ec2.NewFromConfig(config).DescribeVpcs(t.Context(), nil)
			return err
		}},
	} {
		p.Rules()
		t.Run(name, func(t *testing.T) {
			before := p.reached.Load()
			for _, status := range []int{http.StatusBadRequest, http.StatusServiceUnavailable} {
				rule := rule(name, status, c.code)
				p.Rules(rule)
				err := c.call()
				var api smithy.APIError
				if !errors.As(err, &api) || api.ErrorCode() != c.code || api.ErrorMessage() == "" {
					t.Errorf("%d: %v", status, err)
				}
			}
			if p.reached.Load() != before {
				t.Error("the server was asked")
			}
		})
	}
}

func rule(service string, status int, code string) proxy.Rule {
	return proxy.Rule{Service: service, Do: proxy.Answer(status, code)}
}

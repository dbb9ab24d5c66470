package orphan

import (
	"context"
	"errors"
	"testing"
	"time"

	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func TestAnswers(t *testing.T) {
	role, key := FromARN("arn:aws:iam::123456789012:role/infra-prod-plan", ""), FromARN(arn("kms", "key/k"), "")
	on := time.Date(2026, 12, 29, 0, 0, 0, 0, time.UTC)
	says := func(left []Resource, leaving []Leaving, err error) func(context.Context) ([]Resource, []Leaving, error) {
		return func(context.Context) ([]Resource, []Leaving, error) { return left, leaving, err }
	}
	none := answers(t.Context(), []question{{"roles", says(nil, nil, nil)}, {"keys", says(nil, []Leaving{{"key k", on}}, nil)}})
	if !none.Gone() || len(none.Leaving) != 1 || len(none.Asked) != 2 {
		t.Errorf("what leaves at its time is not left: %+v", none)
	}
	some := answers(t.Context(), []question{{"roles", says([]Resource{role}, nil, nil)}, {"tags", says([]Resource{key, role}, nil, nil)}})
	if some.Gone() || len(some.Left) != 2 || some.Asked[1].Found != 2 {
		t.Errorf("what two name is left once: %+v", some)
	}
	if unheard := answers(t.Context(), []question{{"roles", says(nil, nil, errors.New("no answer"))}}); unheard.Gone() || unheard.Asked[0].Problem != "no answer" {
		t.Errorf("without an answer nothing is proven: %+v", unheard)
	}
}

func TestMarks(t *testing.T) {
	tag := func(key, value string) iamtypes.Tag { return iamtypes.Tag{Key: &key, Value: &value} }
	tags := []iamtypes.Tag{tag("environment", "prod"), tag("managed_by", "infra"), tag("stage", "production")}
	for _, c := range []struct {
		marks
		want bool
	}{
		{nil, true},
		{marks{"environment": "prod"}, true},
		{marks{"environment": "prod", "managed_by": "infra"}, true},
		{marks{"environment": "staging"}, false},
		{marks{"environment": "prod", Tag: "run"}, false},
	} {
		if c.carried(tags) != c.want {
			t.Errorf("%v is carried: %v", c.marks, !c.want)
		}
	}
}

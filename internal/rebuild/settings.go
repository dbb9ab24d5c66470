package rebuild

import (
	"fmt"
	"slices"
	"strings"

	"infra/internal/environment"
)

// elsewhere are the settings that a rebuilt environment gets anew, so that the
// old ones stand in nobody's way.
func elsewhere(setting string) bool {
	return setting == "region" || setting == "recovery.region" || setting == "state.bucket" || setting == "rebuilt_from"
}

// Settings finds what of an environment's settings only fits its own region,
// each where it stands.
func Settings(env *environment.Environment) []Finding {
	var all []Finding
	look := newPatterns()
	for _, e := range env.Effective() {
		if elsewhere(e.Path) || e.Place.File == "" {
			continue
		}
		for _, f := range look.within(e.Place.File, e.Place.Line, e.Value) {
			f.Mend = e.Path + ": set it for the new environment, in its file"
			all = append(all, f)
		}
	}
	image := env.Pipeline().Image
	if at, given := env.Origin("products.pipeline.image.owner"); given && image.Owner == env.Account() {
		all = append(all, Finding{
			at.File, at.Line, Image, image.Owner + "/" + image.Name,
			"images are of one region: aws ec2 copy-image --source-region " + env.Region() + ", before it is lost; or set products.pipeline.image to Debian's",
		})
	}
	if bucket := string(env.Pipeline().EMR.InTransitCertificates); bucket != "" {
		if at, given := env.Origin("products.pipeline.emr.in_transit_certificates"); given {
			all = append(all, Finding{at.File, at.Line, Setting, bucket, "the bucket is lost with the region, unless it is in another: keep a copy, and set it for the new environment"})
		}
	}
	return sorted(all)
}

// Zones finds the zones that the new region does not have; there are its zones,
// by their full names.
func Zones(env *environment.Environment, region string, there []string) []Finding {
	const setting = "products.pipeline.vpc.zones"
	var missing []string
	for _, letter := range env.Pipeline().VPC.Zones {
		if !slices.Contains(there, region+letter) {
			missing = append(missing, region+letter)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	at, given := env.Origin(setting)
	if !given {
		at = environment.Place{File: env.File(), Line: 1}
	}
	return []Finding{{at.File, at.Line, Zone, strings.Join(missing, ", "), setting + ": the account has " + strings.Join(there, ", ") + " there; --zones a,b,c"}}
}

// regional is an ARN in another region.
func regional(arn, region string) (string, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return "", fmt.Errorf("%q is no ARN", arn)
	}
	parts[3] = region
	return strings.Join(parts, ":"), nil
}

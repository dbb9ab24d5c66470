package provision

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"infra/internal/fault"
	"infra/internal/git"
	"infra/internal/parity"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
)

// runsRead is how many runs are looked through for the last one of each stack.
const runsRead = 50

// Facts gathers what environments are compared by, by reading alone. Settings
// are always known; that something else could not be had is part of the answer,
// and the error says so too unless it is the hosts, which need not be there.
func (p *Platform) Facts(ctx context.Context, offline, skipHosts bool) (parity.Environment, error) {
	p.looking = true
	e := parity.Environment{Name: p.Env.Name(), Unasked: map[parity.Section]string{}}
	for _, s := range p.Env.Effective() {
		place := "default"
		if s.Place.File != "" {
			place = s.Place.String()
		}
		e.Facts = append(e.Facts, parity.Fact{Section: parity.Setting, Name: s.Path, Value: s.Value, Place: place, Own: s.Own})
	}
	unasked := func(why string, sections ...parity.Section) {
		for _, s := range sections {
			e.Unasked[s] = why
		}
	}
	if offline {
		unasked(parity.LeftOut, parity.Version, parity.Provider, parity.Package, parity.LastRun)
		return e, nil
	}
	states, runs, err := p.remembered(ctx)
	if err != nil {
		unasked(p.con.Masked(err.Error()), parity.Version, parity.Provider, parity.Package, parity.LastRun)
		return e, err
	}
	e.Facts = append(e.Facts, lastRun(p.Env.Name(), runs)...)
	providers, unknown := p.providers(ctx, runs)
	if unknown != "" {
		unasked(unknown, parity.Provider)
	} else {
		e.Facts = append(e.Facts, providers...)
	}
	versions, err := p.versions(ctx, states)
	e.Facts = append(e.Facts, versions...)
	if err != nil {
		unasked(p.con.Masked(err.Error()), parity.Version)
	}
	switch {
	case skipHosts:
		unasked(parity.LeftOut, parity.Package)
	case states[platformProduct] == nil:
		unasked("it has no hosts yet", parity.Package)
	default:
		packages, none := p.packages(ctx, states[platformProduct])
		e.Facts = append(e.Facts, packages...)
		if none != nil {
			unasked(p.con.Masked(none.Error()), parity.Package)
		}
	}
	return e, err
}

// remembered are the states and the newest runs; none of either before there is
// a bucket.
func (p *Platform) remembered(ctx context.Context) (map[string]*state.State, []run.Record, error) {
	exists, err := p.bucket.Exists(ctx)
	if err != nil || !exists {
		return nil, nil, err
	}
	states, err := p.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	runs, err := p.runs.Runs(ctx, runsRead)
	return states, runs, err
}

// lastRun is how the newest run ended that is over.
func lastRun(environment string, runs []run.Record) []parity.Fact {
	i := slices.IndexFunc(runs, func(r run.Record) bool { return r.Result != run.Running && r.Verb != "plan" })
	if i < 0 {
		return nil
	}
	r := runs[i]
	fact := func(name, value string) parity.Fact {
		return parity.Fact{Section: parity.LastRun, Name: name, Value: value, Place: "infra runs " + environment + " " + r.Run}
	}
	facts := []parity.Fact{fact("verb", r.Verb), fact("result", string(r.Result)), fact("commit", commitOf(r))}
	for _, s := range r.Stacks {
		if s.Result != "" {
			product, _, _ := strings.Cut(s.Stack, "/")
			facts = append(facts, fact("stack "+product, s.Result))
		}
	}
	failed := 0
	for _, h := range r.Hosts {
		if h.Result == "failed" || h.Result == "unreachable" || h.Result == "unknown" || h.Result == "not reached" {
			failed++
		}
	}
	if len(r.Hosts) > 0 {
		facts = append(facts, fact("hosts not configured", fmt.Sprint(failed)))
	}
	return facts
}

func commitOf(r run.Record) string {
	if r.Dirty {
		return r.Commit + " with uncommitted changes"
	}
	return r.Commit
}

// versions are those of Terraform, as each state has it, and of images and
// managed engines.
func (p *Platform) versions(ctx context.Context, states map[string]*state.State) ([]parity.Fact, error) {
	var facts []parity.Fact
	for _, product := range stack.Products().Names() {
		if s := states[product]; s != nil {
			facts = append(facts, parity.Fact{Section: parity.Version, Name: "terraform of " + product, Value: s.Terraform(), Place: "state " + p.stack(product).String()})
		}
	}
	images, err := p.images(ctx, states[platformProduct])
	return append(facts, images...), err
}

// providers are Terraform's providers at the versions that the lock file had in
// the commit from which each stack was last applied: a state does not say. That
// commit may be on another machine only: unknown says so, and nothing is
// claimed.
func (p *Platform) providers(ctx context.Context, runs []run.Record) (facts []parity.Fact, unknown string) {
	for _, product := range stack.Products().Names() {
		from := appliedFrom(runs, p.stack(product).String())
		if from == nil {
			continue
		}
		file := "terraform/products/" + product + "/" + terraform.LockFile
		text, err := git.File(ctx, p.Project, from.Commit, file)
		if err != nil {
			return nil, fmt.Sprintf("run %s applied %s from commit %q, whose %s is not in this checkout: %v", from.Run, product, from.Commit, file, err)
		}
		for name, version := range terraform.Locked(text) {
			facts = append(facts, parity.Fact{Section: parity.Provider, Name: name + " of " + product, Value: version, Place: file + " of " + commitOf(*from)})
		}
	}
	return facts, ""
}

// appliedFrom is the newest run that has applied a stack; nil when none did.
func appliedFrom(runs []run.Record, name string) *run.Record {
	for i, r := range runs {
		if slices.ContainsFunc(r.Stacks, func(s run.StackRecord) bool { return s.Stack == name && s.Applied > 0 }) {
			return &runs[i]
		}
	}
	return nil
}

// images are the machine images of the layers by the names that their owner gave
// them (ids differ in every region), and the versions of what AWS manages.
func (p *Platform) images(ctx context.Context, s *state.State) ([]parity.Fact, error) {
	if s == nil {
		return nil, nil
	}
	used := map[string][]string{} // by layer
	facts := []parity.Fact{}
	for _, i := range s.Instances() {
		var a struct {
			AMI     string `json:"ami"`
			Release string `json:"release_label"`
			Engine  string `json:"engine_version_actual"`
		}
		if json.Unmarshal(i.Attributes, &a) != nil || i.Mode != "managed" {
			continue
		}
		value := map[string]string{"aws_emr_cluster": a.Release, "aws_db_instance": a.Engine}[i.Type]
		if value != "" {
			facts = append(facts, parity.Fact{Section: parity.Version, Name: strings.TrimPrefix(i.Type, "aws_") + " " + i.Address, Value: value, Place: "state " + p.stack(platformProduct).String()})
		}
		if layer := layerOf(i.Address); i.Type == "aws_instance" && a.AMI != "" && !slices.Contains(used[layer], a.AMI) {
			used[layer] = append(used[layer], a.AMI)
		}
	}
	var ids []string
	for _, list := range used {
		ids = append(ids, list...)
	}
	names, err := p.imageNames(ctx, ids)
	if err != nil {
		return facts, err
	}
	for layer, list := range used {
		for i, id := range list {
			list[i] = cmp.Or(names[id], id)
		}
		slices.Sort(list)
		facts = append(facts, parity.Fact{Section: parity.Version, Name: "image of " + layer, Value: strings.Join(slices.Compact(list), ", "), Place: "state " + p.stack(platformProduct).String()})
	}
	return facts, nil
}

// imageNames asks EC2. One that was withdrawn keeps its id.
func (p *Platform) imageNames(ctx context.Context, ids []string) (map[string]string, error) {
	names := map[string]string{}
	if len(ids) == 0 {
		return names, nil
	}
	slices.Sort(ids)
	pages := ec2.NewDescribeImagesPaginator(ec2.NewFromConfig(p.aws), &ec2.DescribeImagesInput{
		ImageIds: slices.Compact(ids), IncludeDeprecated: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			if strings.Contains(err.Error(), "InvalidAMIID.NotFound") {
				return names, nil
			}
			return nil, fault.New(fault.Failed, "name the images of "+p.Env.Name(), err, "")
		}
		for _, image := range page.Images {
			names[aws.ToString(image.ImageId)] = aws.ToString(image.Name)
		}
	}
	return names, nil
}

// layerOf is the module that an address begins with.
func layerOf(address string) string {
	rest, ok := strings.CutPrefix(address, "module.")
	if !ok {
		return "the product"
	}
	if i := strings.IndexAny(rest, ".["); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// errNoHosts says that there is nobody to ask.
var errNoHosts = errors.New("it has no hosts")

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/affected"
	"infra/internal/ci"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/git"
)

// scopeOptions say what a pipeline's command works on.
type scopeOptions struct {
	base     string
	envs     []string
	removed  []string
	emulated bool
}

func scopeFlags(cmd *cobra.Command, o *scopeOptions) {
	flags := cmd.Flags()
	flags.StringVar(&o.base, "base", "", "commit or branch to compare with (default: what the job of GitHub or GitLab says, else the main branch)")
	flags.StringSliceVar(&o.envs, "env", nil, "only this environment, affected or not (may be repeated)")
	flags.StringSliceVar(&o.removed, "removed", nil, "an environment whose file is meant to be gone (may be repeated); a trailer \"Infra-Removed: NAME\" of a commit says the same")
	flags.BoolVar(&o.emulated, "emulated", false, "also environments whose AWS is a sandbox's emulator; without it only where --env names them")
}

// The trailers of commits that say what a flag would say: in a pipeline nobody
// types, and what stands in a commit was reviewed with it.
const (
	removedTrailer = "Infra-Removed"
	destroyTrailer = "Infra-Allow-Destroy"
)

// scope is what a pipeline's command works on.
type scope struct {
	dir     string // of the project
	service ci.Service
	code    *affected.Project
	chains  map[string]environment.Chain
	ci.Affected
}

// scoped finds out what a change concerns. forked says that it is compared
// with where its branch began, as a pull request's is; a push is compared with
// what was there before it.
func scoped(ctx context.Context, g *globals, o scopeOptions, forked bool) (*scope, error) {
	dir, err := g.project()
	if err != nil {
		return nil, err
	}
	s := &scope{dir: dir, service: ci.Detect(os.Getenv)}
	facts, err := git.Look(ctx, dir, false)
	if err != nil {
		return nil, err
	}
	if !facts.Repository || facts.Commit == "" {
		return nil, fault.New(fault.Usage, "find what changed", errors.New("the project is in no git repository, or has no commit: "+facts.Problem), "git init && git add --all && git commit")
	}
	base := o.base
	if base == "" {
		base = s.service.Base(os.Getenv)
	}
	if base == "" && facts.Main != "" {
		base = facts.Main
		if facts.Remote != "" {
			base = facts.Remote + "/" + facts.Main
		}
	}
	if base == "" {
		return nil, fault.New(fault.Usage, "find what changed", errors.New("nothing says what to compare with, and there is no main branch"), "name a commit: --base REF")
	}
	changes, err := git.Since(ctx, dir, base, forked)
	if err != nil {
		return nil, err
	}
	chains, err := environment.Chains(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]string, len(chains))
	for name, chain := range chains {
		files[name] = chain.Files
	}
	if s.code, err = affected.Read(os.DirFS(dir), files); err != nil {
		return nil, err
	}
	s.Affected = ci.Affected{Schema: ci.AffectedSchema, Base: changes.Base, Commit: facts.Commit, Paths: len(changes.Paths)}
	var unsaid error
	s.chains = chains
	if s.Removed, unsaid, err = s.gone(ctx, changes, o.removed); err != nil {
		return nil, err
	}
	if unsaid != nil && forked {
		return nil, unsaid
	}
	if unsaid != nil {
		// It is merged: to refuse now would hold up the other environments and
		// bring nothing back. A squash may have lost the trailer, too.
		g.con.Warn("%v", unsaid)
	}
	s.Environments, err = s.chosen(s.code.Of(changes.Paths), chains, o)
	return s, err
}

// allowed are the addresses of what may be destroyed: those that flags name,
// and those that the change's commits do.
func (s *scope) allowed(ctx context.Context, flags []string) ([]string, error) {
	said, err := git.Trailers(ctx, s.dir, s.Base, destroyTrailer)
	return append(slices.Clone(flags), said...), err
}

// gone are the environments whose file the change removes; unsaid is the
// refusal of those that nobody has acknowledged. A base that others extended
// is none.
func (s *scope) gone(ctx context.Context, changes git.Changes, acknowledged []string) (gone []string, unsaid, err error) {
	var names []string
	for _, name := range changes.Deleted {
		file, ok := strings.CutSuffix(path.Base(name), ".yaml")
		if _, moved := s.chains[file]; ok && !moved && strings.HasPrefix(name, environment.Folder+"/") && environment.ValidName(file) {
			names = append(names, file)
		}
	}
	if len(names) == 0 {
		return []string{}, nil, nil
	}
	was, err := os.MkdirTemp("", "infra-ci-")
	if err != nil {
		return nil, nil, fault.New(fault.Failed, "read the environments of the base", err, "")
	}
	defer func() { _ = os.RemoveAll(was) }() // of no more use
	if err := git.Export(ctx, s.dir, changes.Base, environment.Folder, was); err != nil {
		return nil, nil, err
	}
	before, err := environment.Chains(was)
	if err != nil {
		return nil, nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { _, deployable := before[name]; return !deployable })
	said, err := git.Trailers(ctx, s.dir, changes.Base, removedTrailer)
	if err != nil {
		return nil, nil, err
	}
	acknowledged = append(slices.Clone(acknowledged), said...)
	left := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(acknowledged, name) })
	if len(left) > 0 {
		unsaid = fault.New(fault.Refused, "accept the removal of "+strings.Join(left, ", "),
			errors.New("without its file nothing plans, applies or destroys an environment any more, and what it is made of stays in its account"),
			fmt.Sprintf("infra destroy %s from a commit that has the file; then, or if it is to stay: --removed %[1]s, or a trailer \"%s: %[1]s\" in the commit", left[0], removedTrailer))
	}
	return names, unsaid, nil
}

// chosen narrows what is affected to what was asked for.
func (s *scope) chosen(all []affected.Environment, chains map[string]environment.Chain, o scopeOptions) ([]affected.Environment, error) {
	out := []affected.Environment{}
	if len(o.envs) == 0 {
		for _, e := range all {
			if o.emulated || !chains[e.Name].Emulated {
				out = append(out, e)
			}
		}
		return out, nil
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(o.envs))) {
		if _, ok := chains[name]; !ok {
			_, err := environment.Load(s.dir, name)
			return nil, err
		}
		i := slices.IndexFunc(all, func(e affected.Environment) bool { return e.Name == name })
		if i < 0 {
			// Asked for by its name: as if its own file had changed.
			all = append(all, s.code.Of(chains[name].Files[:1])...)
			i = slices.IndexFunc(all, func(e affected.Environment) bool { return e.Name == name })
			all[i].Paths = []string{}
		}
		out = append(out, all[i])
	}
	return out, nil
}

// content is the digest of what an environment is made of. Files that are in
// no commit would make it a lie.
func (s *scope) content(ctx context.Context, name string, dirty []string) (string, error) {
	prefix, err := git.Prefix(ctx, s.dir)
	if err != nil {
		return "", err
	}
	for _, file := range dirty {
		if s.code.Touches(name, strings.TrimSuffix(strings.TrimPrefix(file, prefix), "/")) {
			return "", fault.New(fault.Refused, "tell what "+name+" is made of", fmt.Errorf("%s is not as it was committed", file), "git add --all && git commit, or: git stash --include-untracked")
		}
	}
	return git.Digest(ctx, s.dir, func(path string) bool { return s.code.Touches(name, path) })
}

// roleARN is the role that the baseline makes for a pipeline to plan or apply.
func roleARN(env *environment.Environment, verb string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/infra-%s-%s", env.Partition(), env.Account(), env.Name(), verb)
}

// file is the path of an environment's settings, for messages.
func (s *scope) file(name string) string { return s.chains[name].Files[0] }

// writeOut writes a file that a pipeline hands on.
func writeOut(name string, data []byte) error {
	if name == "" {
		return nil
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		return fault.New(fault.Failed, "write "+name, err, "ls -ld "+filepath.Dir(name))
	}
	return nil
}

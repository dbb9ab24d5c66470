package affected

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"infra/internal/fault"
)

// Where Ansible's code is. What `infra apply` plays is site.yml: a playbook
// that it does not reach configures no host that exists.
const (
	playbookFolder = "ansible/playbooks"
	roleFolder     = "ansible/roles"
	site           = playbookFolder + "/site.yml"
)

// hosts says which hosts, by layer, a file of Ansible's concerns.
type hosts struct {
	layers    []string                   // all that there are
	playbooks map[string]map[string]bool // file -> layers
	roles     map[string]map[string]bool // name -> layers
}

// of are the layers whose hosts a file below ansible/ concerns.
func (h hosts) of(name string) []string {
	var found map[string]bool
	switch {
	case strings.HasPrefix(name, roleFolder+"/"):
		role, _, _ := strings.Cut(strings.TrimPrefix(name, roleFolder+"/"), "/")
		found = h.roles[role]
	case path.Dir(name) == playbookFolder:
		found = h.playbooks[name]
	default:
		return h.layers
	}
	return slices.Sorted(maps.Keys(found))
}

// readHosts follows site.yml to the playbooks that it imports, to the roles of
// their plays, and to the roles that those use.
func readHosts(tree fs.FS, layers []string) (hosts, error) {
	r := &reader{tree: tree, uses: map[string][]string{}, hosts: hosts{
		layers: layers, playbooks: map[string]map[string]bool{}, roles: map[string]map[string]bool{},
	}}
	err := r.allRoles()
	if err == nil {
		_, err = r.playbook(site, nil)
	}
	if err != nil {
		return hosts{}, fault.New(fault.Usage, "read the playbooks and roles", err, "mend the file, or: git checkout -- ansible")
	}
	return r.hosts, nil
}

type reader struct {
	tree  fs.FS
	uses  map[string][]string // role -> roles that it uses
	hosts hosts
}

// allRoles learns which roles use which.
func (r *reader) allRoles() error {
	entries, err := fs.ReadDir(r.tree, roleFolder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			r.uses[entry.Name()] = nil
		}
	}
	for role := range r.uses {
		err := fs.WalkDir(r.tree, path.Join(roleFolder, role), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || unread(name) || !isYAML(name) || !slices.Contains([]string{"tasks", "handlers", "meta"}, strings.Split(name, "/")[3]) {
				return err
			}
			root, err := r.parse(name)
			if err != nil {
				return err
			}
			r.uses[role] = append(r.uses[role], r.named(root, path.Base(path.Dir(name)) == "meta")...)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func isYAML(name string) bool { return path.Ext(name) == ".yml" || path.Ext(name) == ".yaml" }

func (r *reader) parse(name string) (*yaml.Node, error) {
	text, err := fs.ReadFile(r.tree, name)
	if err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &root, nil
}

// named are the roles that a tree names: by include_role and import_role,
// and, in a role's meta, by dependencies.
func (r *reader) named(n *yaml.Node, meta bool) []string {
	var out []string
	if n.Kind == yaml.MappingNode {
		for pair := range slices.Chunk(n.Content, 2) {
			switch key := short(pair[0].Value); {
			case key == "include_role" || key == "import_role":
				out = append(out, r.known(field(pair[1], "name"))...)
			case key == "dependencies" && meta:
				out = append(out, r.list(pair[1])...)
			}
		}
	}
	for _, inner := range n.Content {
		out = append(out, r.named(inner, meta)...)
	}
	return out
}

// list are the roles of a play's `roles` or a role's `dependencies`: names,
// or maps with one.
func (r *reader) list(n *yaml.Node) []string {
	var out []string
	for _, item := range n.Content {
		name := item.Value
		if item.Kind == yaml.MappingNode {
			if name = field(item, "role"); name == "" {
				name = field(item, "name")
			}
		}
		out = append(out, r.known(name)...)
	}
	return out
}

// known is a role by its name. One whose name is only known in the middle of a
// play may be any; one of a collection is none of the folder's.
func (r *reader) known(name string) []string {
	if strings.Contains(name, "{{") {
		return slices.Sorted(maps.Keys(r.uses))
	}
	if _, ok := r.uses[name]; !ok {
		return nil
	}
	return []string{name}
}

// short is a module's name without its collection.
func short(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "ansible.builtin."), "ansible.legacy.")
}

// field is the text of a map's key; empty when it has none.
func field(n *yaml.Node, name string) string {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for pair := range slices.Chunk(n.Content, 2) {
		if pair[0].Value == name {
			return pair[1].Value
		}
	}
	return ""
}

// playbook notes which hosts a playbook's plays configure, and what each role
// in them configures; the answer is all of the playbook's.
func (r *reader) playbook(name string, above []string) (map[string]bool, error) {
	if slices.Contains(above, name) {
		return nil, errors.New("playbooks import each other in a circle: " + strings.Join(append(above, name), " -> "))
	}
	root, err := r.parse(name)
	if err != nil {
		return nil, err
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s: a playbook is a list of plays", name)
	}
	all := map[string]bool{}
	for _, play := range root.Content[0].Content {
		layers := r.pattern(field(play, "hosts"))
		for pair := range slices.Chunk(play.Content, 2) {
			switch key := short(pair[0].Value); {
			case play.Kind != yaml.MappingNode:
			case key == "import_playbook":
				inner, err := r.playbook(path.Join(path.Dir(name), pair[1].Value), append(above, name))
				if err != nil {
					return nil, err
				}
				maps.Copy(all, inner)
			case key == "roles":
				for _, role := range r.list(pair[1]) {
					r.role(role, layers, nil)
				}
			default:
				for _, role := range r.named(pair[1], false) {
					r.role(role, layers, nil)
				}
			}
		}
		if field(play, "hosts") != "" {
			maps.Copy(all, layers)
		}
	}
	r.hosts.playbooks[name] = all
	return all, nil
}

// role notes that a role, and what it uses, configures the hosts of layers.
func (r *reader) role(name string, layers map[string]bool, above []string) {
	if slices.Contains(above, name) {
		return
	}
	if r.hosts.roles[name] == nil {
		r.hosts.roles[name] = map[string]bool{}
	}
	maps.Copy(r.hosts.roles[name], layers)
	for _, inner := range r.uses[name] {
		r.role(inner, layers, append(above, name))
	}
}

// pattern are the layers that a play's `hosts` names. What is no plain list of
// groups (a wildcard, an intersection, a variable) may be any.
func (r *reader) pattern(text string) map[string]bool {
	out := map[string]bool{}
	for _, group := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ':' || c == ' ' }) {
		if slices.Contains(r.hosts.layers, group) {
			out[group] = true
			continue
		}
		for _, layer := range r.hosts.layers {
			out[layer] = true
		}
	}
	return out
}

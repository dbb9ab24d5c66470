package environment

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"infra/internal/spelling"
)

// Folder is where a project keeps its environments, below its root.
const Folder = "environments"

// Throwaways is where environments lie that are made for hours and for one
// checkout: a clone in the sandbox must neither dirty the working tree nor get
// into a commit. Only Load finds them, by name: to everything that works on all
// environments, and to what others extend, they do not exist.
const Throwaways = ".infra/environments"

const suffix = ".yaml"

// ValidName says whether name may be that of an environment: 2 to 31 small
// letters, digits and -, a letter first. Nothing else ever becomes a path.
func ValidName(name string) bool { return namePattern.MatchString(name) }

// folder is the environments of a project as the file system has them.
type folder struct {
	project string
	files   []string // names of all .yaml and .yml files
	names   []string // of the environments and bases: valid names, without .yaml
	aside   string   // name of the one that lies in Throwaways, when it is that which is wanted
	formats map[string]format
}

func open(project string) (*folder, error) {
	at := filepath.Join(project, Folder)
	info, err := os.Lstat(at)
	if err != nil {
		return nil, fmt.Errorf("look for environments: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("look for environments: %s is not a folder (a link is not followed)", at)
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return nil, fmt.Errorf("look for environments: %w", err)
	}
	f := &folder{project: project, formats: makeFormats()}
	for _, e := range entries {
		file := e.Name()
		if strings.HasPrefix(file, ".") || (filepath.Ext(file) != suffix && filepath.Ext(file) != ".yml") {
			continue
		}
		f.files = append(f.files, file)
		if name, ok := strings.CutSuffix(file, suffix); ok && ValidName(name) {
			f.names = append(f.names, name)
		}
	}
	return f, nil
}

// misnamed are problems with the names of files: not an environment's, or
// the same but for upper and lower case, which some file systems take for one.
func (f *folder) misnamed() Problems {
	var out Problems
	for i, file := range f.files {
		at := Place{File: path.Join(Folder, file)}
		name, ok := strings.CutSuffix(file, suffix)
		if !ok {
			out = append(out, Problem{at, "a file of an environment ends in .yaml, not .yml"})
		} else if !ValidName(name) {
			out = append(out, Problem{at, "the name must be " + nameSays + ", then .yaml"})
		}
		for _, other := range f.files[:i] {
			if strings.EqualFold(file, other) {
				out = append(out, Problem{at, fmt.Sprintf("differs from %s in upper and lower case only", other)})
			}
		}
	}
	return out
}

// colliding are the problems of misnamed that concern one name.
func (f *folder) colliding(name string) Problems {
	var out Problems
	for _, file := range f.files {
		if file != name+suffix && strings.EqualFold(file, name+suffix) {
			out = append(out, Problem{Place{File: path.Join(Folder, file)}, fmt.Sprintf("differs from %s%s in upper and lower case only", name, suffix)})
		}
	}
	return out
}

// has says whether there is a file of exactly this name.
func (f *folder) has(name string) bool { return name == f.aside || slices.Contains(f.names, name) }

// lookAside finds the throwaway environment of a name that no other one has.
func (f *folder) lookAside(name string) {
	if f.has(name) {
		return
	}
	if _, err := os.Lstat(filepath.Join(f.project, Throwaways, name+suffix)); err == nil {
		f.aside = name
	}
}

// at is the folder that an environment's file lies in, relative to the project.
func (f *folder) at(name string) string {
	if name == f.aside {
		return Throwaways
	}
	return Folder
}

// suggest completes "no environment ...".
func (f *folder) suggest(name string) string {
	if slices.Contains(f.files, name+".yml") {
		return fmt.Sprintf("; rename %s.yml to %s%s", name, name, suffix)
	}
	return spelling.Suggest(name, f.names)
}

// file is the path of an environment's file, relative to the project.
func (f *folder) file(name string) string { return path.Join(f.at(name), name+suffix) }

// read reads the file of a name that has() knows. Only a regular file inside
// the folder is read, and no more of it than is allowed.
func (f *folder) read(name string) (data []byte, problems Problems) {
	refuse := func(format string, args ...any) Problems {
		return Problems{{Place{f.file(name), 1, 1}, fmt.Sprintf(format, args...)}}
	}
	root, err := os.OpenRoot(filepath.Join(f.project, f.at(name)))
	if err != nil {
		return nil, refuse("open the folder: %v", err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	before, err := root.Lstat(name + suffix)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, refuse("is a link, which is not followed; put the file itself here, and share values with extends")
	}
	if !before.Mode().IsRegular() {
		return nil, refuse("is not a regular file")
	}
	opened, err := root.Open(name + suffix)
	if err != nil {
		return nil, refuse("%v", err)
	}
	defer opened.Close() //nolint:errcheck // nothing was written
	if after, err := opened.Stat(); err != nil || !os.SameFile(before, after) {
		return nil, refuse("was replaced while it was read; try again")
	}
	data, err = io.ReadAll(io.LimitReader(opened, maxSize+1))
	if err != nil {
		return nil, refuse("%v", err)
	}
	return data, nil
}

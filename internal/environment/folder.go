package environment

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
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

// folder is the environments of a project as the file system has them. Files
// may stand in folders of their own; the name is that of the file alone.
type folder struct {
	project string
	files   []string            // all .yaml and .yml files, relative to the folder
	names   []string            // of the environments and bases: valid names, without .yaml; sorted
	homes   map[string][]string // name -> its file, relative to the project; more than one is a mistake
	formats map[string]format
	draft   *draft // a file that is not written yet; nil: there is none
}

// draft is the text of a file that would be written.
type draft struct {
	name string
	text []byte
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
	f := &folder{project: project, formats: makeFormats(), homes: map[string][]string{}}
	err = fs.WalkDir(os.DirFS(at), ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(e.Name(), ".") && file != "." {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) != suffix && path.Ext(file) != ".yml" {
			return nil
		}
		f.files = append(f.files, file)
		if name, ok := strings.CutSuffix(path.Base(file), suffix); ok && ValidName(name) {
			f.homes[name] = append(f.homes[name], path.Join(Folder, file))
		}
		if e.IsDir() {
			return fs.SkipDir // it is taken for a file, and refused as none
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for environments: %w", err)
	}
	f.names = slices.Sorted(maps.Keys(f.homes))
	return f, nil
}

// misnamed are problems with the names of files: not an environment's, or
// the same but for upper and lower case, which some file systems take for one.
func (f *folder) misnamed() Problems {
	var out Problems
	for i, file := range f.files {
		at := Place{File: path.Join(Folder, file)}
		name, ok := strings.CutSuffix(path.Base(file), suffix)
		if !ok {
			out = append(out, Problem{at, "a file of an environment ends in .yaml, not .yml"})
		} else if !ValidName(name) {
			out = append(out, Problem{at, "the name must be " + nameSays + ", then .yaml"})
		}
		for _, other := range f.files[:i] {
			if sameButForCase(file, other) {
				out = append(out, Problem{at, fmt.Sprintf("differs from %s in upper and lower case only", other)})
			}
		}
	}
	return out
}

// sameButForCase compares the names of two files, wherever they are.
func sameButForCase(one, other string) bool {
	return path.Base(one) != path.Base(other) && strings.EqualFold(path.Base(one), path.Base(other))
}

// colliding are the problems of misnamed that concern one name.
func (f *folder) colliding(name string) Problems {
	var out Problems
	for _, file := range f.files {
		if sameButForCase(file, name+suffix) {
			out = append(out, Problem{Place{File: path.Join(Folder, file)}, fmt.Sprintf("differs from %s%s in upper and lower case only", name, suffix)})
		}
	}
	return out
}

// has says whether there is a file of exactly this name.
func (f *folder) has(name string) bool { return len(f.homes[name]) > 0 }

// lookAside finds the throwaway environment of a name that no other one has.
func (f *folder) lookAside(name string) {
	file := path.Join(Throwaways, name+suffix)
	if f.has(name) || !ValidName(name) {
		return
	}
	if _, err := os.Lstat(filepath.Join(f.project, file)); err == nil {
		f.homes[name] = []string{file}
	}
}

// suggest completes "no environment ...".
func (f *folder) suggest(name string) string {
	if slices.Contains(f.files, name+".yml") {
		return fmt.Sprintf("; rename %s.yml to %s%s", name, name, suffix)
	}
	return spelling.Suggest(name, f.names)
}

// file is the path of an environment's file, relative to the project: where it
// would be expected when there is none.
func (f *folder) file(name string) string {
	if f.has(name) {
		return f.homes[name][0]
	}
	return path.Join(Folder, name+suffix)
}

// read reads the file of a name that has() knows. Only a regular file inside
// its folder is read, and no more of it than is allowed.
func (f *folder) read(name string) (data []byte, problems Problems) {
	if f.draft != nil && f.draft.name == name {
		return f.draft.text, nil
	}
	refuse := func(format string, args ...any) Problems {
		return Problems{{Place{f.file(name), 1, 1}, fmt.Sprintf(format, args...)}}
	}
	if homes := f.homes[name]; len(homes) > 1 {
		return nil, refuse("the name is taken by %s too: an environment's name is that of its file, in whichever folder", homes[1])
	}
	within := Folder
	if path.Dir(f.file(name)) == Throwaways {
		within = Throwaways
	}
	file := strings.TrimPrefix(f.file(name), within+"/")
	root, err := os.OpenRoot(filepath.Join(f.project, within))
	if err != nil {
		return nil, refuse("open the folder: %v", err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	before, err := root.Lstat(file)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, refuse("is a link, which is not followed; put the file itself here, and share values with extends")
	}
	if !before.Mode().IsRegular() {
		return nil, refuse("is not a regular file")
	}
	opened, err := root.Open(file)
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

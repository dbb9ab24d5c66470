package python

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// marker is written last into an environment: without it, it is rebuilt.
const marker = ".complete"

// complete tells whether the environment was built to its end and still works.
// Its interpreter is a link into the system, which may have got a newer one,
// and its scripts name their own path: neither survives when the project is
// moved, or mounted into a container that has another Python.
func complete(folder string) bool {
	needed := []string{filepath.Join(folder, marker), filepath.Join(folder, "bin", "python")}
	if maker, found := lineAfter(filepath.Join(folder, "pyvenv.cfg"), "executable = "); found { // since Python 3.11
		needed = append(needed, maker)
	}
	if interpreter, found := lineAfter(filepath.Join(folder, "bin", "pip"), "#!"); found {
		needed = append(needed, interpreter)
	}
	for _, path := range needed {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	return true
}

// lineAfter gives the rest of the first line that begins with prefix.
func lineAfter(path, prefix string) (string, bool) {
	file, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer file.Close() //nolint:errcheck // only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), prefix); found {
			return rest, true
		}
	}
	return "", false
}

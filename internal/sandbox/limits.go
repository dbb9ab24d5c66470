package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// watchesFile is the machine's limit of inotify instances. Every host's
// systemd takes about ten, so the usual 128 are used up by a dozen hosts and
// the next one dies at its start.
const watchesFile = "/proc/sys/fs/inotify/max_user_instances"

// watchesWanted is enough for a hundred hosts.
const watchesWanted = 1024

// raiseWatches raises the limit when it is lower and gives what it was; 0
// means that nothing was changed.
func raiseWatches(file string) (int, error) {
	now, err := readLimit(file)
	if err != nil || now >= watchesWanted {
		return 0, err
	}
	return now, os.WriteFile(file, []byte(strconv.Itoa(watchesWanted)), 0o600)
}

// restoreWatches puts back what raiseWatches changed, unless somebody has set
// another limit since, or another sandbox still counts on it.
func restoreWatches(file string, before int, others bool) error {
	if before == 0 || others {
		return nil
	}
	now, err := readLimit(file)
	if err != nil || now != watchesWanted {
		return err
	}
	return os.WriteFile(file, []byte(strconv.Itoa(before)), 0o600)
}

func readLimit(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("read a limit of the machine: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// otherSandboxes tells whether a sandbox besides the named one has a
// namespace on this machine.
func otherSandboxes(own string) (bool, error) {
	entries, err := os.ReadDir(namespaces)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "infra-") && entry.Name() != own {
			return true, nil
		}
	}
	return false, nil
}

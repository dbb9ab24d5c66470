package emr

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Smoked is what a cluster answered to the smoke test.
type Smoked struct {
	MemoryFree float64 `json:"memory_free_percent"` // of the primary's, while it had nothing else to do
	Bad        int     `json:"bad_nodes"`           // unhealthy or lost
}

// headroom is how much of its memory a primary must have left while it has
// nothing to do, in percent.
const headroom = 20.0

// judgeSmoke reads the answer to the smoke test; problems say why the cluster
// is not fit for work.
func judgeSmoke(answer, nonce string, spark bool) (s Smoked, problems []string) {
	wanted := nonce
	if spark {
		wanted += "\t" + smokeTotal
	}
	if !strings.Contains(answer, wanted) {
		problems = append(problems, "it did not give back what it was to read from S3 and count")
	}
	nodes := regexp.MustCompile(`(?m)^\s*Total Nodes:\s*(\d+)`).FindStringSubmatch(answer)
	if nodes == nil {
		problems = append(problems, "YARN does not say how its nodes are")
	} else if s.Bad, _ = strconv.Atoi(nodes[1]); s.Bad > 0 {
		problems = append(problems, fmt.Sprintf("%d of its nodes are unhealthy or lost", s.Bad))
	}
	total, free := meminfo(answer, "MemTotal"), meminfo(answer, "MemAvailable")
	if total <= 0 {
		return s, append(problems, "the primary does not say how much memory it has")
	}
	if s.MemoryFree = 100 * free / total; s.MemoryFree < headroom {
		problems = append(problems, fmt.Sprintf("the primary has %.0f%% of its memory left without any work, less than %.0f%%: it needs a larger instance type", s.MemoryFree, headroom))
	}
	return s, problems
}

// meminfo is one line of Linux's, in kB.
func meminfo(text, name string) float64 {
	found := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		return 0
	}
	return value
}

// Folder is a folder of HDFS with the files in it and below.
type Folder struct {
	Path  string `json:"path"`
	Files int64  `json:"files"`
	Bytes int64  `json:"bytes"`
}

// userData reads what HDFS counted and gives the folders with data that would
// go with the cluster. What EMR, YARN and Spark put there themselves does not
// count: it is made anew, or belongs to applications that have ended.
func userData(answer string) (data []Folder, err error) {
	counted := map[string]Folder{}
	for _, line := range strings.Split(answer, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[3], "/") {
			continue
		}
		files, err1 := strconv.ParseInt(fields[1], 10, 64)
		bytes, err2 := strconv.ParseInt(fields[2], 10, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		path := strings.Join(fields[3:], " ")
		counted[path] = Folder{Path: path, Files: files, Bytes: bytes}
	}
	if len(counted) < 2 { // every HDFS of EMR has /tmp, /user and /var
		return nil, fmt.Errorf("HDFS did not say what it holds: %.200q", answer)
	}
	for path, f := range counted {
		top, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		switch {
		case top == "" || slices.Contains([]string{"apps", "emr", "mr-history", "tmp", "var"}, top):
		case top == "user" && rest == "":
		case top == "user" && !strings.Contains(rest, "/"):
			// The user's folder itself: files in it that are in none of its folders.
			for below, b := range counted {
				if strings.HasPrefix(below, path+"/") {
					f.Files, f.Bytes = f.Files-b.Files, f.Bytes-b.Bytes
				}
			}
			fallthrough
		default:
			name := path[strings.LastIndex(path, "/")+1:]
			if f.Files > 0 && !slices.Contains([]string{".sparkStaging", ".staging", ".Trash", ".hiveJars"}, name) {
				data = append(data, f)
			}
		}
	}
	slices.SortFunc(data, func(a, b Folder) int { return strings.Compare(a.Path, b.Path) })
	return data, nil
}

package emr

import (
	"fmt"
	"strings"
	"testing"
)

const meminfoText = "MemTotal:       16001024 kB\nMemFree:         9000000 kB\nMemAvailable:   10122240 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n"

func TestJudgeSmoke(t *testing.T) {
	good := "smoke-1\t500000500000\nTotal Nodes:0\n         Node-Id\t     Node-State\n" + meminfoText
	for name, test := range map[string]struct {
		answer string
		spark  bool
		want   string
	}{
		"works":            {good, true, ""},
		"without Spark":    {strings.Replace(good, "smoke-1\t500000500000", `{"nonce":"smoke-1"}`, 1), false, ""},
		"counts wrongly":   {strings.Replace(good, "500000500000", "7", 1), true, "it did not give back"},
		"an older answer":  {strings.Replace(good, "smoke-1", "smoke-0", 1), true, "it did not give back"},
		"unhealthy nodes":  {strings.Replace(good, "Nodes:0", "Nodes:2", 1), true, "2 of its nodes are unhealthy or lost"},
		"YARN is silent":   {strings.Replace(good, "Total Nodes:0\n", "", 1), true, "YARN does not say"},
		"little memory":    {strings.Replace(good, "10122240", "1600102", 1), true, "the primary has 10% of its memory left without any work"},
		"memory not known": {strings.Replace(good, "MemTotal", "Memory", 1), true, "the primary does not say"},
		"nothing":          {"", true, "it did not give back"},
	} {
		s, problems := judgeSmoke(test.answer, "smoke-1", test.spark)
		if got := strings.Join(problems, "; "); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if test.want == "" && (s.MemoryFree < 63 || s.MemoryFree > 64) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestUserData(t *testing.T) {
	line := func(files int, path string) string {
		return fmt.Sprintf("%12d %12d %18d %s\n", 1, files, files*1024, path)
	}
	base := line(6, "/") + line(3, "/apps") + line(1, "/tmp") + line(2, "/var")
	for name, test := range map[string]struct {
		answer string
		want   string
	}{
		"as EMR makes it":    {base + line(0, "/user") + line(0, "/user/hadoop"), ""},
		"staging and trash":  {base + line(9, "/user") + line(9, "/user/hadoop") + line(5, "/user/hadoop/.sparkStaging") + line(4, "/user/hadoop/.Trash"), ""},
		"a table":            {base + line(4, "/user") + line(4, "/user/hive") + line(4, "/user/hive/warehouse"), "/user/hive/warehouse 4 4096"},
		"in the home":        {base + line(2, "/user") + line(2, "/user/ada") + line(1, "/user/ada/.staging") + line(1, "/user/ada/notes.csv"), "/user/ada/notes.csv 1 1024"},
		"nobody's folder":    {base + line(7, "/data"), "/data 7 7168"},
		"an empty folder":    {base + line(0, "/data"), ""},
		"a name with spaces": {base + line(1, "/my data"), "/my data 1 1024"},
		"two":                {base + line(1, "/b") + line(1, "/a"), "/a 1 1024, /b 1 1024"},
		"no answer":          {"", "error"},
		"half an answer":     {line(3, "/"), "error"},
		"an error message":   {"count: Call From ip-10-0-0-1 to ip-10-0-0-1:8020 failed\n", "error"},
	} {
		data, err := userData(test.answer)
		var parts []string
		for _, f := range data {
			parts = append(parts, fmt.Sprintf("%s %d %d", f.Path, f.Files, f.Bytes))
		}
		got := strings.Join(parts, ", ")
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestCommands(t *testing.T) {
	const q, a = "s3://logs/emr/answers/prod/smoke-1/question.json", "s3://logs/emr/answers/prod/smoke-1/answer.txt"
	for name, test := range map[string]struct {
		applications []string
		want         string
	}{
		"Spark": {[]string{"Hadoop", "spark"}, "set -euo pipefail; { spark-sql -S --conf spark.sql.catalogImplementation=in-memory -e 'SELECT nonce, (SELECT sum(id) FROM range(0, 1000001, 1, 8)) FROM json.`" + q +
			"`'; yarn node -list -states UNHEALTHY,LOST; cat /proc/meminfo; } | hdfs dfs -put -f -d - '" + a + "'"},
		"none": {[]string{"Hadoop"}, "set -euo pipefail; { hadoop jar /usr/lib/hadoop-mapreduce/hadoop-mapreduce-examples.jar pi 4 1000 >&2; hdfs dfs -cat '" + q +
			"'; echo; yarn node -list -states UNHEALTHY,LOST; cat /proc/meminfo; } | hdfs dfs -put -f -d - '" + a + "'"},
	} {
		args, err := smokeCommand(test.applications, q, a)
		if err != nil || len(args) != 3 || args[0] != "bash" || args[1] != "-c" || args[2] != test.want {
			t.Errorf("%s: %v\n%q\nwant\n%q", name, err, args, test.want)
		}
	}
	args, err := countCommand(a)
	if want := "set -euo pipefail; { hdfs dfs -count / && { hdfs dfs -count '/*' '/user/*' '/user/*/*' || true; }; } | hdfs dfs -put -f -d - '" + a + "'"; err != nil || args[2] != want {
		t.Errorf("%v %q", err, args)
	}
	for _, bad := range []string{"", "s3://logs/x'; rm -rf /; '", "s3://logs/$(id)", "https://logs/x", "s3://logs"} {
		if _, err := smokeCommand(nil, q, bad); err == nil {
			t.Errorf("%q goes into a command", bad)
		}
		if _, err := countCommand(bad); err == nil {
			t.Errorf("%q goes into a command", bad)
		}
	}
}

package emr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A question is a step that infra gives to a cluster. Its answer goes to an
// object in S3, since nobody logs in to a node and a step's own output arrives
// minutes later. A step is a fixed command: what varies in it are addresses
// that infra has made.

// address is what may stand in a command.
func address(text string) bool {
	return regexp.MustCompile(`^s3://[a-z0-9][a-z0-9.-]+/[A-Za-z0-9/._-]+$`).MatchString(text)
}

// into writes what a command says to the object at the address, without the
// temporary object whose renaming would want a right to delete.
func into(command, answer string) []string {
	return []string{"bash", "-c", "set -euo pipefail; " + command + " | hdfs dfs -put -f -d - '" + answer + "'"}
}

// smokeTotal is the sum that the smoke test has Spark's executors make.
const smokeTotal = "500000500000"

// smokeCommand tries a new cluster: an application on YARN that reads from S3,
// nodes, and the primary's memory; the answer is written to S3. Without Spark
// the application is one of MapReduce's.
func smokeCommand(applications []string, question, answer string) ([]string, error) {
	if !address(question) || !address(answer) {
		return nil, fmt.Errorf("%q or %q is no address", question, answer)
	}
	work := "hadoop jar /usr/lib/hadoop-mapreduce/hadoop-mapreduce-examples.jar pi 4 1000 >&2; hdfs dfs -cat '" + question + "'; echo"
	if slices.ContainsFunc(applications, func(a string) bool { return strings.EqualFold(a, "Spark") }) {
		work = "spark-sql -S --conf spark.sql.catalogImplementation=in-memory -e 'SELECT nonce, (SELECT sum(id) FROM range(0, 1000001, 1, 8)) FROM json.`" + question + "`'"
	}
	return into("{ "+work+"; yarn node -list -states UNHEALTHY,LOST; cat /proc/meminfo; }", answer), nil
}

// countCommand counts what is in HDFS, by folders. Of a folder that is empty
// there is nothing to be counted, which is no failure.
func countCommand(answer string) ([]string, error) {
	if !address(answer) {
		return nil, fmt.Errorf("%q is no address", answer)
	}
	return into("{ hdfs dfs -count / && { hdfs dfs -count '/*' '/user/*' '/user/*/*' || true; }; }", answer), nil
}

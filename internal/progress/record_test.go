package progress

import "time"

// start is when every run of these tests begins.
var start = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant, were there such times

// recorder writes the events of a run by hand.
type recorder struct {
	events []Event
	now    float64
}

// at is a moment, in seconds from the start.
func (r *recorder) at(seconds float64) *recorder { r.now = seconds; return r }

func (r *recorder) add(e Event) *recorder {
	e.Schema, e.At = Schema, start.Add(time.Duration(r.now*float64(time.Second)))
	r.events = append(r.events, e)
	return r
}

func (r *recorder) run(verb string) *recorder {
	return r.add(Event{Kind: RunBegan, Run: "20261129T080000Z-aaaaaa", Verb: verb, Environment: "prod"})
}

func (r *recorder) begin(stack, step string, hosts ...string) *recorder {
	e := Event{Kind: StepBegan, Stack: stack, Step: step}
	for _, name := range hosts {
		e.Hosts = append(e.Hosts, Host{ID: "i-" + name, Name: name})
	}
	return r.add(e)
}

func (r *recorder) end(stack, step string, seconds float64) *recorder {
	return r.add(Event{Kind: StepEnded, Stack: stack, Step: step, Seconds: seconds, Result: OK})
}

func (r *recorder) planned(stack string, creations ...string) *recorder {
	e := Event{Kind: Planned, Stack: stack}
	for _, address := range creations {
		e.Changes = append(e.Changes, Change{Address: address, Action: "create"})
	}
	return r.add(e)
}

func (r *recorder) creates(stack, address string) *recorder {
	return r.add(Event{Kind: ResourceBegan, Stack: stack, Address: address, Action: "create"})
}

func (r *recorder) created(stack, address string, seconds float64) *recorder {
	return r.add(Event{Kind: ResourceEnded, Stack: stack, Address: address, Action: "create", Seconds: seconds, Result: OK})
}

func (r *recorder) task(host, task, result string, seconds float64) *recorder {
	return r.add(Event{Kind: TaskEnded, Host: host, Play: "hosts", Task: task, Result: result, Seconds: seconds})
}

// begunOn is a task that begins, and does so on hosts.
func (r *recorder) begunOn(task string, hosts ...string) *recorder {
	r.add(Event{Kind: TaskBegan, Play: "hosts", Task: task})
	for _, host := range hosts {
		r.add(Event{Kind: TaskBegan, Host: host, Play: "hosts", Task: task})
	}
	return r
}

// whole is a first apply: a network, then two hosts and a database beside each
// other, then tasks on the two hosts.
func whole() *recorder {
	r := (&recorder{}).run("apply")
	r.at(1).begin("pipeline/prod", Planning)
	r.at(3).add(Event{Kind: ResourceRead, Stack: "pipeline/prod", Address: "data.aws_ami.this"})
	r.at(5).planned("pipeline/prod", "module.vpc.aws_vpc.this", `module.zookeeper.aws_instance.this["1"]`, "module.postgresql.aws_db_instance.this")
	r.at(5).end("pipeline/prod", Planning, 4)
	r.at(6).begin("pipeline/prod", Applying)
	r.at(7).creates("pipeline/prod", "module.vpc.aws_vpc.this")
	r.at(17).created("pipeline/prod", "module.vpc.aws_vpc.this", 10)
	r.at(17).creates("pipeline/prod", `module.zookeeper.aws_instance.this["1"]`).creates("pipeline/prod", "module.postgresql.aws_db_instance.this")
	r.at(37).created("pipeline/prod", `module.zookeeper.aws_instance.this["1"]`, 20)
	r.at(77).created("pipeline/prod", "module.postgresql.aws_db_instance.this", 60)
	r.at(78).end("pipeline/prod", Applying, 72)
	r.at(79).begin("", Configuring, "zookeeper-1", "postgresql-1")
	r.at(80).begunOn("Install packages", "zookeeper-1", "postgresql-1")
	r.at(85).task("postgresql-1", "Install packages", OK, 5)
	r.at(95).task("zookeeper-1", "Install packages", Changed, 15)
	r.at(95).begunOn("Start the server", "postgresql-1", "zookeeper-1")
	r.at(96).add(Event{Kind: TaskSkipped, Host: "postgresql-1", Play: "hosts", Task: "Start the server"})
	r.at(100).task("zookeeper-1", "Start the server", Changed, 5)
	r.at(101).end("", Configuring, 22)
	return r.at(102).add(Event{Kind: RunEnded, Result: "done"})
}

package audit

import "slices"

// alarmRules are about what holds data and nobody is told of when it ails. Each
// kind has the metrics without which its loss goes unnoticed; what the shipped
// layers watch is more.
func alarmRules() []Rule {
	return []Rule{
		{
			ID: "alarm-gone", Severity: High, Title: "An alarm of the code does not exist", needs: []Part{Alarms},
			Mend: "infra apply makes it again",
			check: func(f *Facts) []hit {
				return each(func(f *Facts) []watched { return named(f.Watched) }, func(w watched) string {
					exists := slices.ContainsFunc(f.Alarms, func(a Alarm) bool { return a.ID == w.ID })
					return when(!exists, "the state has it, CloudWatch has not")
				})(f)
			},
		},
		{
			ID: "alarm-mute", Severity: Medium, Title: "An alarm tells nobody", needs: []Part{Alarms},
			Public: []string{"CKV_AWS_319"}, Mend: "give it the alert topic as its action, and actions_enabled = true",
			check: each(alarmsOf, func(a Alarm) string { return when(!a.Acts, "it has no action, or its actions are switched off") }),
		},
		{
			ID: "unwatched-host", Severity: High, Title: "Nobody is told when a stateful host fails", needs: []Part{Alarms, Network},
			Mend: "make alarms on StatusCheckFailed as terraform/layers/host does",
			check: unwatched(hostsOf, func(h Host) string {
				return when(stateful(h.Layer), "no alarm on StatusCheckFailed")
			}, func(h Host, m Metric) bool {
				return m.Name == "StatusCheckFailed" && m.Dimensions["InstanceId"] == h.ID
			}),
		},
		{
			ID: "unwatched-ensemble", Severity: High, Title: "Nobody is told when a cluster loses its quorum or its primary", needs: []Part{Alarms, Network},
			Mend: "make the alarms that terraform/layers/zookeeper and postgresql have on their cluster",
			check: unwatched(hostsOf, func(h Host) string { return when(h.Cluster != "", "no alarm has the dimension Cluster = "+h.Cluster) },
				func(h Host, m Metric) bool { return m.Dimensions["Cluster"] == h.Cluster }),
		},
		{
			ID: "unwatched-volume", Severity: Medium, Title: "Nobody is told when a volume is full", needs: []Part{Alarms, Volumes},
			Mend: "make alarms on disk_used_percent of its host as terraform/layers/host does",
			check: unwatched(volumesOf, func(v Volume) string { return when(stateful(v.Layer), "no alarm on disk_used_percent of "+v.Host) },
				func(v Volume, m Metric) bool {
					return m.Name == "disk_used_percent" && m.Dimensions["InstanceId"] == v.Host || m.Dimensions["VolumeId"] == v.ID
				}),
		},
		{
			ID: "unwatched-database", Severity: High, Title: "Nobody is told when a managed database fails or is full", needs: []Part{Alarms, Databases},
			Mend: "make an alarm on FreeStorageSpace as terraform/layers/postgresql does",
			check: unwatched(databasesOf, func(Database) string { return "no alarm on FreeStorageSpace" },
				func(d Database, m Metric) bool {
					return m.Name == "FreeStorageSpace" && m.Dimensions["DBInstanceIdentifier"] == d.Name
				}),
		},
		{
			ID: "unwatched-cluster", Severity: Medium, Title: "Nobody is told when an EMR cluster loses data or nodes", needs: []Part{Alarms, Clusters},
			Mend: "make the alarms that terraform/layers/emr has",
			check: unwatched(clustersOf, func(Cluster) string { return "no alarm on MissingBlocks" },
				func(c Cluster, m Metric) bool { return m.Name == "MissingBlocks" && m.Dimensions["JobFlowId"] == c.ID }),
		},
	}
}

// stateful tells whether the hosts of a layer hold what exists nowhere else.
// EMR replaces its nodes itself.
func stateful(layer string) bool { return layer == "postgresql" || layer == "zookeeper" }

// unwatched makes a check of things on none of whose metrics an alarm looks
// that would tell somebody.
func unwatched[T interface{ itself() Thing }](list func(*Facts) []T, lacks func(T) string, on func(T, Metric) bool) func(*Facts) []hit {
	return func(f *Facts) []hit {
		return each(list, func(t T) string {
			detail := lacks(t)
			watched := slices.ContainsFunc(f.Alarms, func(a Alarm) bool {
				return a.Acts && slices.ContainsFunc(a.Metrics, func(m Metric) bool { return on(t, m) })
			})
			return when(!watched, detail)
		})(f)
	}
}

// watched is an alarm as a state has it.
type watched struct{ Thing }

func named(things []Thing) []watched {
	out := make([]watched, 0, len(things))
	for _, t := range things {
		out = append(out, watched{t})
	}
	return out
}

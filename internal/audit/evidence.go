package audit

import "slices"

func keyRules() []Rule {
	return []Rule{
		{
			ID: "kms-rotation", Severity: Medium, Title: "A key is not rotated", needs: []Part{Keys},
			Public: []string{"KMS.4", "CIS 3.0.0 3.6", "CKV_AWS_7"}, Mend: "set enable_key_rotation = true",
			check: each(keysOf, func(k Key) string {
				return when(k.Rotatable && !k.Rotates && !k.Leaving, "its material stays the same for ever")
			}),
		},
		{
			ID: "kms-deletion", Severity: High, Title: "A key is going to be deleted", needs: []Part{Keys},
			Public: []string{"KMS.3"}, Mend: "cancel the deletion (aws kms cancel-key-deletion), unless nothing was ever encrypted with it",
			check: each(keysOf, func(k Key) string { return when(k.Leaving, "whatever it encrypts can then never be read again") }),
		},
	}
}

// evidenceRules are about what tells afterwards who did what.
func evidenceRules() []Rule {
	return []Rule{
		{
			ID: "trail", Severity: High, Title: "Nothing records who does what in the account", needs: []Part{Trails},
			Public: []string{"CloudTrail.1", "CIS 3.0.0 3.1", "CKV_AWS_67"}, Mend: "set products.baseline.trail: true, then infra apply; infra apply also starts a trail that was stopped",
			check: account("aws_cloudtrail", func(f *Facts) bool {
				return !slices.ContainsFunc(f.Trails, func(t Trail) bool { return t.Logging && t.Everywhere })
			}, "no trail of all regions is recording"),
		},
		{
			ID: "trail-stopped", Severity: High, Title: "An audit trail does not record", needs: []Part{Trails},
			Public: []string{"CloudTrail.3"}, Mend: "find out who stopped it, then start it (aws cloudtrail start-logging)",
			check: each(trailsOf, func(t Trail) string { return when(!t.Logging, "it exists and is stopped") }),
		},
		{
			ID: "trail-validation", Severity: Low, Title: "An audit trail can be changed unnoticed", needs: []Part{Trails},
			Public: []string{"CloudTrail.4", "CIS 3.0.0 3.2", "CKV_AWS_36"}, Mend: "set enable_log_file_validation = true",
			check: each(trailsOf, func(t Trail) string { return when(!t.Validated, "its files are not signed") }),
		},
		{
			ID: "bucket-logs", Severity: Low, Title: "A bucket keeps no access logs", needs: []Part{Buckets},
			Public: []string{"S3.9", "CKV_AWS_18"}, Mend: "log to the environment's log bucket",
			check: each(bucketsOf, func(b Bucket) string { return when(b.LogsTo == "" && !b.LogsOf, "nobody knows who read what") }),
		},
		{
			ID: "logs-forever", Severity: Low, Title: "A log group keeps everything for ever", needs: []Part{Logs},
			Public: []string{"CKV_AWS_66"}, Mend: "set retention_in_days",
			check: each(logsOf, func(l LogGroup) string { return when(l.Forever, "it has no retention") }),
		},
		{
			ID: "database-logs", Severity: Medium, Title: "A database exports no logs", needs: []Part{Databases},
			Public: []string{"RDS.9", "RDS.36", "CKV_AWS_129"}, Mend: "set enabled_cloudwatch_logs_exports",
			check: each(databasesOf, func(d Database) string { return when(!d.Logs, "they are gone with it") }),
		},
	}
}

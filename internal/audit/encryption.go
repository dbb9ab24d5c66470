package audit

func encryptionRules() []Rule {
	const kms = "the environment's key (baseline's output kms_key_arns)"
	return []Rule{
		{
			ID: "volume-unencrypted", Severity: High, Title: "A volume is not encrypted", needs: []Part{Volumes},
			Public: []string{"EC2.3", "CKV_AWS_3"}, Mend: "copy it by an encrypted snapshot, with " + kms,
			check: each(volumesOf, func(v Volume) string { return when(!v.Encrypted, "whoever gets its blocks can read them") }),
		},
		{
			ID: "copy-unencrypted", Severity: High, Title: "A snapshot or an image is not encrypted", needs: []Part{Volumes, Databases},
			Public: []string{"RDS.4", "CKV_AWS_146"}, Mend: "copy it with " + kms + ", then delete it",
			check: each(sharedOf, func(s Shared) string { return when(!s.Encrypted, "whoever it is shared with can read it") }),
		},
		{
			ID: "volume-default", Severity: Medium, Title: "New volumes of the account are not encrypted by themselves", needs: []Part{Volumes},
			Public: []string{"EC2.7", "CIS 3.0.0 2.2.1", "CKV_AWS_106"}, Mend: "set products.baseline.account_hardening: true",
			check: account("aws_ebs_encryption_by_default", func(f *Facts) bool { return !f.EncryptByDefault }, "who makes one has to think of it"),
		},
		{
			ID: "bucket-unencrypted", Severity: Low, Title: "A bucket is not encrypted with a key of the account", needs: []Part{Buckets},
			Public: []string{"S3.17", "CKV_AWS_145"}, Mend: "encrypt it by default with " + kms,
			check: each(bucketsOf, func(b Bucket) string {
				// S3 delivers access logs only to a bucket whose default is its own key.
				return when(!b.LogsOf && b.Encryption != "aws:kms" && b.Encryption != "aws:kms:dsse", "S3's own key: whoever may read an object can, and no key's policy says no")
			}),
		},
		{
			ID: "database-unencrypted", Severity: High, Title: "A database is not encrypted", needs: []Part{Databases},
			Public: []string{"RDS.3", "CIS 3.0.0 2.3.1", "CKV_AWS_16"}, Mend: "restore it from an encrypted copy of a snapshot",
			check: each(databasesOf, func(d Database) string { return when(!d.Encrypted, "so are its snapshots and replicas") }),
		},
		{
			ID: "cluster-unencrypted", Severity: High, Title: "A cluster's data at rest are not encrypted", needs: []Part{Clusters},
			Public: []string{"CKV_AWS_171", "CKV_AWS_349"}, Mend: "infra emr replace, which makes it with the security configuration of the code",
			check: each(clustersOf, func(c Cluster) string { return when(!c.AtRest, "its security configuration does not ask for it") }),
		},
		{
			ID: "cluster-transit", Severity: Medium, Title: "A cluster's nodes talk in clear", needs: []Part{Clusters},
			Public: []string{"CKV_AWS_351"}, Mend: "set products.pipeline.emr.in_transit_certificates, then infra emr replace",
			check: each(clustersOf, func(c Cluster) string {
				return when(!c.InTransit, "its security configuration asks for no TLS between nodes")
			}),
		},
		{
			ID: "message-unencrypted", Severity: Medium, Title: "A topic or a queue is not encrypted", needs: []Part{Messages},
			Public: []string{"SNS.1", "SQS.1", "CKV_AWS_26", "CKV_AWS_27"}, Mend: "set its kms_master_key_id to " + kms,
			check: each(messagesOf, func(m Message) string { return when(!m.Encrypted, "messages lie in clear") }),
		},
		{
			ID: "logs-unencrypted", Severity: Low, Title: "A log group is not encrypted with a key of the account", needs: []Part{Logs},
			Public: []string{"CKV_AWS_158"}, Mend: "set its kms_key_id to " + kms,
			check: each(logsOf, func(l LogGroup) string {
				return when(!l.Encrypted, "CloudWatch's own key: no key's policy says who may read")
			}),
		},
		{
			ID: "trail-unencrypted", Severity: Medium, Title: "An audit trail is not encrypted with a key of the account", needs: []Part{Trails},
			Public: []string{"CloudTrail.2", "CIS 3.0.0 3.5", "CKV_AWS_35"}, Mend: "set its kms_key_id to " + kms,
			check: each(trailsOf, func(t Trail) string { return when(!t.Encrypted, "whoever may read its bucket can read it") }),
		},
	}
}

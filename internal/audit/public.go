package audit

import (
	"slices"
	"strings"
)

func publicRules() []Rule {
	return []Rule{
		{
			ID: "bucket-public", Severity: Critical, Title: "Anybody may use a bucket", needs: []Part{Buckets},
			Public: []string{"S3.2", "S3.3", "CKV_AWS_20", "CKV_AWS_57", "CKV_AWS_70"}, Mend: "block public access, and take the grant out of its policy or ACL",
			check: func(f *Facts) []hit {
				return each(bucketsOf, func(b Bucket) string {
					if b.Blocked || f.AccountBlock {
						return ""
					}
					open := b.Policy.open()
					return when(len(open) > 0, "its policy gives everybody "+strings.Join(open, ", ")) + when(len(open) == 0 && b.OpenACL, "its ACL has a grant for everybody")
				})(f)
			},
		},
		{
			ID: "bucket-block", Severity: High, Title: "A bucket could be made public", needs: []Part{Buckets},
			Public: []string{"S3.8", "CIS 3.0.0 2.1.4", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "CKV2_AWS_6"}, Mend: "switch all four blocks of public access on",
			check: each(bucketsOf, func(b Bucket) string { return when(!b.Blocked, "not all of its blocks of public access are on") }),
		},
		{
			ID: "account-block", Severity: Medium, Title: "Buckets of the account may be public", needs: []Part{Buckets},
			Public: []string{"S3.1", "CIS 3.0.0 2.1.4"}, Mend: "set products.baseline.account_hardening: true",
			check: account("aws_s3_account_public_access_block", func(f *Facts) bool { return !f.AccountBlock }, "the states have no block for the whole account"),
		},
		{
			ID: "bucket-transport", Severity: Medium, Title: "A bucket answers without TLS", needs: []Part{Buckets},
			Public: []string{"S3.5", "CIS 3.0.0 2.1.1", "CKV_AWS_379"}, Mend: "deny requests with aws:SecureTransport false in its policy",
			check: each(bucketsOf, func(b Bucket) string { return when(!b.Policy.wantsTLS(), "its policy does not refuse plain HTTP") }),
		},
		{
			ID: "copy-public", Severity: Critical, Title: "Anybody may use a snapshot or an image", needs: []Part{Volumes, Databases},
			Public: []string{"EC2.1", "RDS.1", "CKV_AWS_205"}, Mend: "take the permission for all away; what was copied meanwhile is lost",
			check: each(sharedOf, func(s Shared) string { return when(s.Public, "every account may copy it") }),
		},
		{
			ID: "copy-shared", Severity: Medium, Title: "Another account may use a snapshot or an image", needs: []Part{Volumes, Databases},
			Public: []string{"CKV_AWS_205"}, Mend: "take the permission away, or say in audit.ignore whose account it is",
			check: each(sharedOf, func(s Shared) string {
				return when(!s.Public && len(s.Accounts) > 0, "shared with "+strings.Join(s.Accounts, ", "))
			}),
		},
		{
			ID: "database-public", Severity: Critical, Title: "A database has a public address", needs: []Part{Databases},
			Public: []string{"RDS.2", "CIS 3.0.0 2.3.3", "CKV_AWS_17"}, Mend: "set publicly_accessible = false",
			check: each(databasesOf, func(d Database) string { return when(d.Public, "it is publicly accessible") }),
		},
		{
			ID: "message-public", Severity: High, Title: "Anybody may use a topic or a queue", needs: []Part{Messages},
			Public: []string{"SNS.4", "CKV_AWS_169", "CKV_AWS_168"}, Mend: "name those who may in its policy",
			check: each(messagesOf, func(m Message) string {
				open := m.Policy.open()
				return when(len(open) > 0, "its policy gives everybody "+strings.Join(open, ", "))
			}),
		},
		{
			ID: "kms-public", Severity: Critical, Title: "Anybody may use a key", needs: []Part{Keys},
			Public: []string{"KMS.5", "CKV_AWS_33"}, Mend: "name those who may in its policy",
			check: each(keysOf, func(k Key) string {
				open := k.Grants.open()
				return when(len(open) > 0, "its policy gives everybody "+strings.Join(open, ", "))
			}),
		},
		{
			ID: "emr-block", Severity: Medium, Title: "EMR accepts clusters that the internet can reach", needs: []Part{Clusters},
			Public: []string{"EMR.2", "CKV_AWS_390"}, Mend: "set products.baseline.account_hardening: true",
			check: account("aws_emr_block_public_access_configuration", func(f *Facts) bool { return !f.EMRBlocks }, "public access is not blocked, or not for port 22"),
		},
	}
}

// wantsTLS tells whether a policy refuses plain HTTP to everybody.
func (p Policy) wantsTLS() bool {
	return slices.ContainsFunc(p.Statements, func(s Statement) bool {
		return !s.Allow && s.everybody() && s.names("s3:GetObject") && slices.Contains(s.condition("aws:SecureTransport"), "false")
	})
}

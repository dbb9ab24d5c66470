output "summary" {
  description = "The clusters as the product's output emr tells them: the active colour, the DNS name and SSM parameter that point to it, the S3 address below which clusters answer infra's questions, and each cluster's id, primary node and what it was made as."
  value = {
    active       = var.active
    pointer_name = aws_route53_record.active.name
    parameter    = aws_ssm_parameter.active.name
    answers      = "s3://${var.baseline.log_bucket}/emr/answers/${var.environment}/"
    clusters = { for colour, cluster in aws_emr_cluster.this : colour => {
      id                    = cluster.id
      primary_dns           = cluster.master_public_dns
      release               = cluster.release_label
      primary_instance_type = cluster.master_instance_group[0].instance_type
      core_instance_type    = cluster.core_instance_group[0].instance_type
    } }
  }
}

output "client_security_groups" {
  description = "Groups of the nodes, by node type, for the layers that EMR's jobs use."
  value       = { for kind, id in local.node_groups : "emr-${kind}" => id }
}

output "node_role_name" {
  description = "Role of the nodes, for policies on the data that jobs work on."
  value       = aws_iam_role.node.name
}

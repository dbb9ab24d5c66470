output "summary" {
  description = "The clusters as the product's output emr tells them: the active colour, the DNS name and SSM parameter that point to it, the S3 address below which clusters answer infra's questions, and each cluster's id and primary node."
  value = {
    active       = var.active
    pointer_name = aws_route53_record.active.name
    parameter    = aws_ssm_parameter.active.name
    answers      = "s3://${var.baseline.log_bucket}/emr/answers/${var.environment}/"
    clusters = { for colour, cluster in aws_emr_cluster.this : colour => {
      id          = cluster.id
      primary_dns = cluster.master_public_dns
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

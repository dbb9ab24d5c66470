# Where jobs go. Both move in one apply when active changes.
resource "aws_route53_record" "active" {
  zone_id = var.dns_zone.id
  name    = "emr.${var.dns_zone.name}"
  type    = "CNAME"
  ttl     = 30
  records = [aws_emr_cluster.this[var.active].master_public_dns]

  # Creating it a second time, when an answer got lost, is no error.
  allow_overwrite = true
}

resource "aws_ssm_parameter" "active" {
  #checkov:skip=CKV2_AWS_34:the id and name of a cluster are no secret; review by 2027-11
  name        = "/infra/${var.environment}/emr/active"
  description = "The EMR cluster that jobs are sent to"
  type        = "String"
  value = jsonencode({
    colour      = var.active
    cluster_id  = aws_emr_cluster.this[var.active].id
    primary_dns = aws_emr_cluster.this[var.active].master_public_dns
  })
}

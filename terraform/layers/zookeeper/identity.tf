resource "aws_iam_role" "this" {
  name                 = local.name
  description          = "The ZooKeeper servers of ${var.environment}"
  permissions_boundary = var.baseline.permission_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "host" {
  role       = aws_iam_role.this.name
  policy_arn = var.baseline.host_policy_arn
}

resource "aws_iam_role_policy_attachment" "systems_manager" {
  count = var.network.access == "ssm" ? 1 : 0

  role       = aws_iam_role.this.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "this" {
  name = local.name
  role = aws_iam_role.this.name
}

# Without the super user's password nobody may change the ensemble's membership.
module "super" {
  source = "../secret"

  name          = "${local.name}-super"
  description   = "Super user of the ZooKeeper ensemble of ${var.environment}"
  username      = "super"
  kms_key_arn   = var.baseline.kms_key_arns["data"]
  recovery_days = var.secret_recovery_days
}

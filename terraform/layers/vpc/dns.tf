resource "aws_route53_zone" "this" {
  name          = local.zone_name
  comment       = "Private names of ${var.environment}"
  force_destroy = false

  vpc {
    vpc_id     = aws_vpc.this.id
    vpc_region = var.region
  }

  tags = { Name = local.name }
}

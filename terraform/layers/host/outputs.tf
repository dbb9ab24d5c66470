output "id" {
  description = "Instance id."
  value       = aws_instance.this.id
}

output "private_address" {
  description = "The host's private address."
  value       = aws_instance.this.private_ip
}

output "dns_name" {
  description = "The host's private name."
  value       = "${var.name}.${var.dns_zone.name}"
}

output "host" {
  description = "The host as the layer's output of the product lists it; volumes are volume ids by purpose."
  value = {
    id              = aws_instance.this.id
    name            = var.name
    layer           = var.layer
    role            = var.role
    number          = var.number
    private_address = aws_instance.this.private_ip
    public_address  = null
    zone            = var.subnet.zone
    volumes         = { for purpose, volume in aws_ebs_volume.this : purpose => volume.id }
  }
}

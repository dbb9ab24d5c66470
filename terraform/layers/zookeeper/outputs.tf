output "hosts" {
  description = "The servers, as the layer's output of the product lists them."
  value       = [for number in range(1, var.size + 1) : module.server[tostring(number)].host]
}

output "connect" {
  description = "Connection string of clients."
  value       = join(",", [for number in range(1, var.size + 1) : "${module.server[tostring(number)].dns_name}:${local.client_port}"])
}

output "client_security_group_id" {
  description = "Group that a client joins to reach the ensemble."
  value       = aws_security_group.client.id
}

output "group_vars" {
  description = "Ansible variables of the group zookeeper."
  value = {
    zookeeper_heap_mb    = var.heap_mb
    zookeeper_cluster    = local.cluster
    zookeeper_secret_arn = module.super.arn
    zookeeper_ensemble = [for number in range(1, var.size + 1) : {
      number  = number
      address = local.addresses[tostring(number)]
      name    = module.server[tostring(number)].dns_name
    }]
  }
}

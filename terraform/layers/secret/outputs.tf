output "arn" {
  description = "ARN of the secret, once it holds its password."
  value       = aws_secretsmanager_secret_version.this.arn
}

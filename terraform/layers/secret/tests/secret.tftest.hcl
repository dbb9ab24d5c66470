mock_provider "aws" {}

variables {
  name        = "infra-test-zookeeper-super"
  description = "Super user of the ZooKeeper ensemble of test"
  username    = "super"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000001"
}

run "as_usual" {
  command = plan

  # encrypted
  assert {
    condition     = aws_secretsmanager_secret.this.kms_key_id == var.kms_key_arn
    error_message = "The secret must be encrypted with the environment's key."
  }
  assert {
    condition     = aws_secretsmanager_secret.this.recovery_window_in_days == 30
    error_message = "A deleted secret must be recoverable."
  }
}

run "kept_in_no_state" {
  command = apply

  assert {
    condition     = aws_secretsmanager_secret_version.this.secret_string_wo == null && aws_secretsmanager_secret_version.this.secret_string_wo_version == 1
    error_message = "The password must be written only, never read back."
  }
}

run "refuses_each" {
  command = plan

  variables {
    name          = "a b"
    username      = ""
    generation    = 0
    recovery_days = 3
  }

  expect_failures = [var.name, var.username, var.generation, var.recovery_days]
}

run "copied_to_another_region" {
  command = plan

  variables {
    replica_region = "eu-central-1"
  }

  assert {
    condition     = one(aws_secretsmanager_secret.this.replica[*].region) == "eu-central-1"
    error_message = "The copy must be in the region that was named."
  }
}

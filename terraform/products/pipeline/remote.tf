# The one place where this product reads another's state.
data "terraform_remote_state" "baseline" {
  backend = "s3"

  config = {
    bucket         = var.state_bucket
    key            = "baseline/${var.environment}/terraform.tfstate"
    region         = var.state_region
    use_path_style = var.emulated
    assume_role = var.role == null ? null : {
      role_arn     = var.role.arn
      external_id  = var.role.external_id == "" ? null : var.role.external_id
      session_name = "infra-${var.environment}"
    }
  }
}

locals {
  baseline = data.terraform_remote_state.baseline.outputs
}

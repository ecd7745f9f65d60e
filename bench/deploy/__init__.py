"""What a hundred deployments cost, beside the same services of a stack."""

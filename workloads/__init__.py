"""What users bring: deployments, read from files of several kinds into one model."""

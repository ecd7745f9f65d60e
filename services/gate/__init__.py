"""The gate: what deploys for other services of the platform. Begin reading at service.py."""

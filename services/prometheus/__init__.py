"""Monitoring: Prometheus and Alertmanager, with their targets and alerts made from the cluster."""

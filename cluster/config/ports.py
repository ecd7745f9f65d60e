"""Ports of nodes that a person may name for what he deploys."""

NAMED = range(30000, 30051)
"""Others are chosen from DEPLOY_PORTS. (The original's range for SSH.)"""

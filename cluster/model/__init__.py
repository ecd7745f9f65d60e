"""The values that all rooms speak of: what is wanted, what was found, what is to be done.

Allowed imports: cluster.errors and the room config. Begin reading at spec.py (a container as it is
wanted), then state.py (the cluster as it was found), item.py (a line of a plan) and service.py.
"""

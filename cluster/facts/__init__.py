"""What nodes and registries have: asks them, and changes nothing.

Allowed imports: cluster.errors and the rooms model, connectors and config. Begin reading at
cluster.py, which observes a whole cluster, then nodes.py and disk.py, which ask one node.
"""

"""What a machine gets before it is a node: items of shell functions, run as root, and SSH keys.

Allowed imports: the rooms commands, connectors, model and config of cluster. Begin reading at
machine_items.py, then setup.py, which checks and fixes the items of items/.
"""

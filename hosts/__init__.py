"""The machines: preparing them, checking them, and what starts our containers at boot.

Allowed imports: the rooms commands, connectors, model and config of cluster. Begin reading at
prepare/machine_items.py, which lists what machines get, or at check/findings.py.
"""

"""The program on each node that starts our containers after a boot, and its systemd unit.

Allowed imports: the room model of cluster. Begin reading at start-ours, then files.py, which names
the files that a node has of them.
"""

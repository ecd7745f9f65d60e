"""How a node is reached: by SSH or as this machine itself, for commands and the Engine API.

Allowed imports: errors, deadlines and the room config. Begin reading at base.py, the protocol that
every connection keeps, then node.py (one node) and fleet.py (all of them at once).
"""

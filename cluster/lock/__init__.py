"""The lock that lets one command at a time change a cluster, and says who holds it.

Allowed imports: errors and the rooms model, connectors and config. Begin reading at lock.py, which
takes the lock in the Swarm's store (swarm.py) or, before there is a Swarm, on the master (file.py).
"""

"""What a person wrote: the settings, the inventory and the secrets, each checked.

Allowed imports: cluster.errors and cluster.deadlines. Begin reading at settings.py, which gets the
variables of bin/env.sh from env_file.py, then inventory.py (hosts.json) and secrets.py.
"""

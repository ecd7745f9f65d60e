"""What a person wrote: the settings, the inventory and the secrets, each checked.

Allowed imports: cluster.errors and cluster.deadlines. Begin reading at settings.py, which env_file.py
gives the variables of bin/env.sh, then inventory.py for hosts.json and secrets.py.
"""

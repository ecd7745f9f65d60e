"""Accounts and tokens: a web service whose whole state is in MySQL, so that any number may run.

What has rules and no state is in names.py, rights.py, ssh_keys.py and passwords.py; what changes
the database in people.py, projects.py, tokens.py and keys.py; what answers HTTP in the api_*.py.
"""

"""The crontab of the machine on which commands are typed, and what cron runs there.

Allowed imports: cluster.errors alone. Begin reading at crontab.py, which is pure; table.py reads
and writes the crontab, and tick.py is what cron runs.
"""

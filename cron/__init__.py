"""The crontab of the machine that commands, and what it runs."""

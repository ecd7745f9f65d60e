"""Who may log in to this container: the account service is asked, and what it says is kept shortly.

Python of Debian alone. Nothing here compares a password or keeps one.
"""

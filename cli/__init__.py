"""What all tasks share: the program, the common options, the session of a command, its output.

Allowed imports: everything but tasks. Begin reading at session.py, which a command's body works
with, then command.py, which turns errors into messages and exit codes.
"""

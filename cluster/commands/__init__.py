"""What the tasks run: apply, changes of other kinds, status, logs, image builds, the audit trail.

Allowed imports: all other rooms of cluster. Begin reading at converge.py, which docker.apply and
every -run and -rm go through, then change.py for what does not converge.
"""

"""What brings deployments for other programs of the platform: a server on a unix socket.

It is in the container gate-skp alone (services/gate/service.py). Allowed imports: all but tasks.
Begin reading at server.py, then worker.py.
"""

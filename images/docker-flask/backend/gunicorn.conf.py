"""How gunicorn serves the accounts: one process, which answers many at once.

What takes long (hashes, signatures, the database) is not done in Python; a further instance on
another node helps more than a second process. So health and metrics are the whole instance's.
"""

bind = "0.0.0.0:8060"  # in its container; which address publishes it is the node's
wsgi_app = "accounts.app:create_app()"
workers = 1
threads = 48
worker_class = "accounts.worker.Worker"
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the container's own
timeout = 30
graceful_timeout = 8
# (Behind the front door requests come with the paths and all cookies of its pages.)
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 32768
# (It would be a file; nobody asks it anything.)
control_socket_disable = True
# (Nothing of a request is logged: what the service did is, by itself.)
accesslog = None
errorlog = "-"
loglevel = "warning"

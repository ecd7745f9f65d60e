"""How gunicorn serves the accounts: two processes, of which each answers several at once."""

import os
from pathlib import Path

from prometheus_client import multiprocess

bind = "0.0.0.0:8060"
wsgi_app = "accounts.app:create_app()"
workers = 2
threads = 12
worker_class = "gthread"
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the container's own
timeout = 30
graceful_timeout = 8
limit_request_line = 2000
limit_request_fields = 50
limit_request_field_size = 8000
# (Nothing of a request is logged: what the service did is, by itself.)
accesslog = None
# (It would be a file; nobody asks it anything.)
control_socket_disable = True
errorlog = "-"
loglevel = "warning"


def on_starting(_):
    """Begin with no counts of an earlier run."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()


def child_exit(_, worker):
    """Keep the counts of a process that has ended."""
    multiprocess.mark_process_dead(worker.pid)

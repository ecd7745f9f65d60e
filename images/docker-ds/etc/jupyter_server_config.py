"""JupyterLab's configuration. Given by --config, so that no file of a user overrides it.

The settings are in the environment (see bin/jupyter-skp), the password in a file.
"""

import os
from pathlib import Path

from jupyter_server.auth import passwd

c = get_config()  # noqa: F821 - traitlets puts it there

c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - the container's; the engine decides what is published
c.ServerApp.port = int(os.environ["JUPYTER_PORT"])
c.ServerApp.port_retries = 0
c.ServerApp.base_url = "/" + os.environ["JUPYTER_BASEURL"].strip("/")
c.ServerApp.root_dir = os.environ["HOME"]
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.allow_remote_access = True
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}

# A password and nothing else: no token, also not the one Jupyter makes up by itself.
password = Path("/run/skp/password").read_text().strip()
c.PasswordIdentityProvider.hashed_password = passwd(password, "argon2")
c.PasswordIdentityProvider.password_required = True
c.PasswordIdentityProvider.allow_password_change = False
c.IdentityProvider.token = ""
del password

# The server belongs to the cluster, not to who is logged in.
c.ServerApp.quit_button = False

# The home may be on a network file system, where SQLite's locks hang and secrets leak:
# the signatures of trusted notebooks live as long as the container.
c.NotebookNotary.db_file = ":memory:"
c.NotebookNotary.secret_file = os.environ["JUPYTER_RUNTIME_DIR"] + "/notebook_secret"

# Nothing is fetched from outside: closed networks have no outside.
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"

# One language server is in the image; looking for twenty others fills the log.
c.LanguageServerManager.autodetect = False
c.LanguageServerManager.language_servers = {
    "pylsp": {
        "version": 2,
        "display_name": "Python",
        "argv": ["/opt/skp/venv/bin/pylsp"],
        "languages": ["python"],
        "mime_types": ["text/python", "text/x-ipython"],
    }
}
c.LanguageServerManager.virtual_documents_dir = os.environ["JUPYTER_RUNTIME_DIR"] + "/lsp"

c.ResourceUseDisplay.track_cpu_percent = True

# Kernels talk to the server through sockets in the runtime folder, which only this user
# can open; over TCP whoever is in the container could listen in.
c.KernelManager.transport = "ipc"

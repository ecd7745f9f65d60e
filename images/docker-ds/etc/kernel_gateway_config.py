"""The kernel gateway's configuration: kernels over HTTP and WebSocket, with a token."""

import logging
import os
from pathlib import Path

c = get_config()  # noqa: F821 - traitlets puts it there

c.KernelGatewayApp.ip = "0.0.0.0"  # noqa: S104 - the container's; the engine decides what is published
c.KernelGatewayApp.port = int(os.environ["JUPYTER_RESTAPIPORT"])
c.KernelGatewayApp.port_retries = 0
c.KernelGatewayApp.auth_token = Path("/run/skp/gateway-token").read_text().strip()
# Whoever has the token may see the kernels; clients list them when they reconnect.
c.JupyterWebsocketPersonality.list_kernels = True

# The access log would hold the token of a client that sends it in the URL, and a line
# for every health check.
logging.getLogger("tornado.access").setLevel(logging.ERROR)

# Kernels talk to the server through sockets in the runtime folder, which only this user
# can open; over TCP whoever is in the container could listen in.
c.KernelManager.transport = "ipc"

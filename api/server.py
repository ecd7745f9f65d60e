"""The program: serves the API on one port, in one process."""

from __future__ import annotations

import uvicorn

from api import app, config, facade_config

PORT = 8890
_CONNECTIONS = 400  # more are answered with 503
_ENDING = 8  # seconds that requests have, once it is told to end


def main() -> None:
    """Serve until the process is told to end. Nothing of a request is logged."""
    uvicorn.run(
        app.make(config.read(), facade_config.read()),
        host="0.0.0.0",  # noqa: S104 - in its container; which address publishes it is the node's
        port=PORT,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_ENDING,
        ws="none",
    )


if __name__ == "__main__":
    main()

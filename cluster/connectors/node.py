"""A node: its host entry, its one connection, its engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING

import paramiko

from cluster.config.inventory import Host
from cluster.connectors import local, ssh, sudo
from cluster.connectors.base import Answer, Completed, Connection, OnLine
from cluster.connectors.ssh_config import Target
from cluster.deadlines import Deadlines
from cluster.errors import BrokenError, DeadlineError, NodeError

if TYPE_CHECKING:
    from cluster.config.secrets import Secret
    from cluster.connectors.engine import Engine

_SHOWN = 200  # characters of what was wrong with an answer


class Node:
    """One reachable node.

    Attributes:
        host: its entry in the inventory.
        deadlines: how long anything on this node may take.
        connection: the way to it, shared by commands and the engine's client.
    """

    def __init__(self, host: Host, connection: Connection, deadlines: Deadlines) -> None:
        self.host = host
        self.deadlines = deadlines
        self.connection = connection

    @property
    def name(self) -> str:
        """The node's name in the inventory."""
        return self.host.name

    @cached_property
    def engine(self) -> Engine:
        """The node's Docker Engine; use it inside `talking()`."""
        return self.connection.engine(self.deadlines.request)

    @contextmanager
    def talking(self, doing: str = "", seconds: float | None = None) -> Iterator[Engine]:
        """Give the engine, and turn its errors into a NodeError that says where and when.

        Args:
            doing: what is being done, for the message, e.g. "creating jupyter-skp".
            seconds: how long a request may be without an answer, if not the usual deadline.
        """
        import docker.errors
        import requests
        import urllib3.exceptions

        from cluster.connectors.bounded import StrangeError

        prefix = f"{doing}: " if doing else ""
        before = self.engine.timeout
        limit = self.engine.timeout = int(seconds or before)
        try:
            yield self.engine
        except docker.errors.APIError as error:
            raise NodeError(self.name, f"{prefix}{error.explanation or error}") from None
        except (StrangeError, RecursionError) as error:
            raise strange(self.name, doing, error) from None
        except (requests.exceptions.Timeout, TimeoutError, urllib3.exceptions.TimeoutError):
            raise DeadlineError(
                self.name,
                f"{prefix}the Docker Engine does not answer within {limit:.0f} s",
                f"Look at it: ssh {self.name} docker info",
            ) from None
        except (
            # What the SDK and the libraries below it raise when an answer breaks off.
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            docker.errors.DockerException,
            docker.errors.StreamParseError,
        ) as error:
            raise BrokenError(
                self.name,
                f"{prefix}no Docker Engine answers ({_root_cause(error)})",
                "Is it running, and is the SSH user in the group docker? "
                f"ssh {self.name} docker info",
            ) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise BrokenError(self.name, f"{prefix}the connection broke: {error}") from None
        finally:
            self.engine.timeout = before

    def run(
        self,
        command: str,
        *,
        stdin: bytes | IO[bytes] = b"",
        deadline: float | None = None,
        on_line: OnLine | None = None,
    ) -> Completed:
        """Run a shell command, as `Connection.run` says; the caller judges its exit code."""
        return self.connection.run(
            command, stdin=stdin, deadline=deadline or self.deadlines.request, on_line=on_line
        )

    def run_watched(
        self,
        command: str,
        deadline: float,
        *,
        on_output: OnLine | None = None,
        answer: Answer | None = None,
    ) -> Completed:
        """Run a shell command, as `Connection.run_watched` says; the caller judges its code."""
        return self.connection.run_watched(
            command, deadline=deadline, on_output=on_output, answer=answer
        )

    def sudo(
        self, command: str, *, stdin: bytes | IO[bytes] = b"", deadline: float | None = None
    ) -> Completed:
        """Run a shell command as root; raises NodeError when it fails."""
        done = self.run(sudo.command(command), stdin=stdin, deadline=deadline)
        if done.exit_code != 0:
            raise sudo.failure(self.name, done.complaint())
        return done

    def close(self) -> None:
        """End the connection."""
        self.connection.close()


def connect(
    host: Host, target: Target | None, deadlines: Deadlines, password: Secret | None = None
) -> Node:
    """Connect to `host` as `target` says; None: it is this machine itself.

    Args:
        password: tried when no key is accepted.

    Raises:
        NodeError: it can't be reached, its host key is not known, the login is refused.
    """
    if target is None:
        return Node(host, local.LocalConnection(host.name), deadlines)
    return Node(host, ssh.SshConnection(target, deadlines.connect, password), deadlines)


def strange(node: str, doing: str, error: Exception) -> NodeError:
    """Return the error for an answer that is not of its form, or too large."""
    prefix = f"{doing}: " if doing else ""
    return NodeError(
        node,
        f"{prefix}its answer is not of its form ({type(error).__name__}: {str(error)[:_SHOWN]})",
        f"See what answers there: ssh {node} docker info",
    )


def _root_cause(error: BaseException) -> str:
    """Return what the lowest library said; an earlier answer of the engine is no cause of this."""
    import docker.errors

    while error.__context__ and not isinstance(error.__context__, docker.errors.APIError):
        error = error.__context__
    return str(error) or type(error).__name__

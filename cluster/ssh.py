"""One SSH connection to a node, configured as OpenSSH would be (`ssh -G`, man ssh_config)."""

from __future__ import annotations

import logging
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

import paramiko

from cluster.errors import DeadlineError, NodeError
from cluster.transport import Completed, Engine, Lines, OnLine, over_ssh

# paramiko reports to its own log what it also raises; the person should see it once.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Target:
    """Where and as whom to connect, after the SSH configuration was consulted.

    Attributes:
        name: the node's name, for messages.
        options: OpenSSH's effective options by their lower-case names, several values joined
            by newlines.
        arguments: how the `ssh` client itself is called to reach the same place.
    """

    name: str
    options: Mapping[str, str]
    arguments: tuple[str, ...]

    def paths(self, option: str) -> list[str]:
        """Return an option that holds file names, as those that exist.

        `ssh -G` prints several names on one line without quoting blanks in them, so a line is
        taken as one name if there is such a file.
        """
        found: list[str] = []
        for line in self.options.get(option, "").splitlines():
            names = [line] if Path(line).expanduser().is_file() else line.split()
            found += [str(p) for name in names if (p := Path(name).expanduser()).is_file()]
        return found


def resolve(name: str, address: str, user: str, port: int | None, config: Path | None) -> Target:
    """Ask OpenSSH how it would connect to `name`.

    The inventory's address is used unless the configuration gives `name` a HostName of its own.

    Raises:
        NodeError: when `ssh -G` refuses the configuration.
    """
    command = ["ssh", *(["-F", str(config)] if config else []), "-l", user]
    command += ["-p", str(port)] if port else []
    done = subprocess.run(
        [*command, "-G", "--", name], capture_output=True, text=True, timeout=10, check=False
    )
    if done.returncode != 0:
        raise NodeError(name, f"the SSH configuration is refused: {done.stderr.strip()}")
    options: dict[str, str] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        options[key] = f"{options[key]}\n{value}" if key in options else value
    if options.get("hostname") == name.lower():
        options["hostname"] = address
    command += ["-o", f"HostName={options['hostname']}"]
    return Target(name, options, (*command, name))


class SshConnection:
    """An open connection: commands and the engine's API share it.

    Host keys that are not known are refused; nothing is ever added to known_hosts.
    """

    is_local = False

    def __init__(self, target: Target, deadline: float) -> None:
        """Connect and log in within `deadline` seconds.

        Raises:
            NodeError: unreachable, host key unknown or changed, login refused.
            DeadlineError: no answer in time.
        """
        self.name = target.name
        self.target = target
        self._client = paramiko.SSHClient()
        self._client.set_missing_host_key_policy(paramiko.RejectPolicy())
        for path in [*target.paths("userknownhostsfile"), *target.paths("globalknownhostsfile")]:
            self._client.load_host_keys(path)
        try:
            self._connect(deadline)
        except BaseException:
            self._client.close()
            raise

    def run(
        self,
        command: str,
        *,
        deadline: float,
        stdin: bytes | IO[bytes] = b"",
        on_line: OnLine | None = None,
    ) -> Completed:
        """Run a shell command; see `Connection.run`."""
        channel = self._open(deadline)
        try:
            channel.settimeout(deadline)
            channel.exec_command(command)
            errors = Lines(on_line)
            feeder = Thread(target=_feed, args=(channel, stdin), daemon=True)
            drain = Thread(target=_drain, args=(channel.recv_stderr, errors.write), daemon=True)
            drain.start()
            feeder.start()
            output = Lines(None)
            _drain(channel.recv, output.write)
            drain.join(deadline)
            return Completed(channel.recv_exit_status(), output.bytes, errors.bytes)
        except TimeoutError:
            raise DeadlineError(self.name, f"no answer within {deadline:.0f} s") from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise NodeError(self.name, f"the connection broke: {error}") from None
        finally:
            channel.close()

    def engine(self, deadline: float) -> Engine:
        """Return the node's Docker Engine API over this connection."""
        return over_ssh(self._client, deadline)

    def close(self) -> None:
        """End the connection; safe to call twice."""
        self._client.close()

    def _open(self, deadline: float) -> paramiko.Channel:
        transport = self._client.get_transport()
        if transport is None:
            raise NodeError(self.name, "the connection is closed")
        try:
            return transport.open_session(timeout=deadline)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise NodeError(self.name, f"the connection broke: {error}") from None

    def _connect(self, deadline: float) -> None:
        options = self.target.options
        host, port = options["hostname"], int(options.get("port", "22"))
        where = f"{options['user']}@{host}:{port}"
        alias = options.get("hostkeyalias")
        try:
            self._client.connect(
                hostname=alias or host,
                port=port,
                username=options["user"],
                sock=self._socket(host, port, deadline),
                # paramiko takes a list too; its stubs don't say so.
                key_filename=self.target.paths("identityfile"),  # type: ignore[arg-type]
                allow_agent=options.get("identityagent") != "none",
                look_for_keys=False,
                timeout=deadline,
                banner_timeout=deadline,
                auth_timeout=deadline,
            )
        except paramiko.BadHostKeyException:
            raise NodeError(
                self.name,
                f"the SSH host key of {host} is not the one in known_hosts: reinstalled, or "
                "another machine answers",
                f"If it was: ssh-keygen -R {host}, then ssh-keyscan {host} and compare.",
            ) from None
        except paramiko.AuthenticationException as error:
            raise NodeError(
                self.name,
                f"login as {where} is refused ({error})",
                f"Try: ssh {where.split(':', maxsplit=1)[0]}",
            ) from None
        except TimeoutError:
            what = f"{where} does not answer within {deadline:.0f} s"
            raise DeadlineError(self.name, what) from None
        except paramiko.SSHException as error:
            raise self._refusal(host, port, error) from None
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            raise NodeError(self.name, f"{where} can't be reached: {reason}") from None

    def _refusal(self, host: str, port: int, error: paramiko.SSHException) -> NodeError:
        if "not found in known_hosts" in str(error):  # RejectPolicy's only message
            return NodeError(
                self.name,
                f"the SSH host key of {host} is not known",
                f"Compare the fingerprint, then pin it: ssh-keyscan -p {port} {host} "
                ">> ~/.ssh/known_hosts",
            )
        if "banner" in str(error):
            return NodeError(
                self.name,
                f"{host}:{port} closes the connection before SSH begins",
                "sshd may be starting, or punishing an earlier failed login: wait a minute.",
            )
        return NodeError(self.name, f"SSH with {host}:{port} failed: {error}")

    def _socket(
        self, host: str, port: int, deadline: float
    ) -> socket.socket | paramiko.ProxyCommand:
        options = self.target.options
        if jump := options.get("proxyjump"):
            return paramiko.ProxyCommand(f"ssh -W {host}:{port} {jump}")
        if (proxy := options.get("proxycommand", "none")) != "none":
            return paramiko.ProxyCommand(proxy.replace("%h", host).replace("%p", str(port)))
        return socket.create_connection((host, port), timeout=deadline)


def _drain(receive: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
    while data := receive(_CHUNK):
        write(data)


def _feed(channel: paramiko.Channel, stdin: bytes | IO[bytes]) -> None:
    # A command that ends without reading its input is not an error of ours: its exit code tells.
    with suppress(OSError, EOFError):
        if isinstance(stdin, bytes):
            channel.sendall(stdin)
        else:
            while data := stdin.read(_CHUNK):
                channel.sendall(data)
        channel.shutdown_write()

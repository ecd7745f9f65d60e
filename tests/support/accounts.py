"""The account service's HTTP API, spoken by requests; its tokens are verified as others would."""

from __future__ import annotations

import base64
import json
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.lab import ROOT, Ran, labelled, on, run, secret, skp

Env = dict[str, str]

FIRST, SECOND = "http://10.99.0.11:8060", "http://10.99.0.12:8060"
PAGE = "http://10.99.0.11:8070"
PASSWORD = "quiet-River-771"


@contextmanager
def serving(path: Path, *more: str, doors: Sequence[str] = ("c01",)) -> Iterator[Env]:
    """Run MySQL, login page, door and Spark's master on c01, the account service there and on c02.

    Args:
        path: where the inventory is written. more: further services, with a label on c01.
        doors: the nodes of front doors.
    """
    env = labelled(path, "flask", nodes=("c01", "c02"))
    hosts = json.loads(path.read_text())
    labels = ("mysql", "nginx", "spark-master", *more)
    hosts["c01"]["labels"] += [{label: "enable"} for label in labels]
    for node in doors:
        hosts[node]["labels"].append({"gateway": "enable"})
    path.write_text(json.dumps(hosts))
    for image in ("mysql", "flask", "nginx", "gateway"):
        built = skp(f"docker.image-build-{image}", env=env)
        assert built.code == 0, built.all
    services = ("mysql", "flask", "nginx", "gateway", "spark", *more)
    try:
        # (What another test took down by its -rm stays down until its -run.)
        for words in (("swarm-label",), ("spark-run",), ("apply", *services)):
            begun = skp(f"docker.{words[0]}", *words[1:], env=env)
            assert begun.code == 0, begun.all
        yield env
    finally:
        done = skp("-q", "docker.apply", ",".join(services), "--yes")
        on("c01", "cd /home/skp/skp/platform && sudo rm -rf mysql airflow")
        assert done.code == 0, done.all


def ask(method: str, path: str, body: Any = None, token: str = "", at: str = FIRST) -> Any:
    """Return what an instance answers."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, f"{at}{path}", json=body, headers=headers, timeout=15)


def log_in(name: str, password: str = PASSWORD, at: str = FIRST, **more: str) -> dict[str, Any]:
    """Return the tokens of an account."""
    answer = ask("POST", "/tokens", {"name": name, "password": password, **more}, at=at)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def administrator() -> str:
    """Return an access token of the first account."""
    return str(log_in("admin", secret("FLASK_ADMIN_PASSWORD"))["access_token"])


def status(token: str, at: str = FIRST) -> int:
    """Return how an instance answers who has this access token."""
    return int(ask("GET", "/tokens", token=token, at=at).status_code)


def key_set(at: str = FIRST) -> dict[str, dict[str, str]]:
    """Return the published keys by their ids."""
    published = ask("GET", "/.well-known/jwks.json", at=at).json()["keys"]
    return {key["kid"]: key for key in published}


def verified(token: str, keys: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the claims of a token that one of these keys has signed; raises if none has."""
    head, claims, signature = token.split(".")
    header = json.loads(decoded(head))
    assert header["alg"] == "RS256"
    key = keys[header["kid"]]
    n, e = (int.from_bytes(decoded(key[part])) for part in "ne")
    public = RSAPublicNumbers(e, n).public_key()
    public.verify(decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    found: dict[str, Any] = json.loads(decoded(claims))
    assert found["exp"] > time.time()
    return found


def decoded(text: str) -> bytes:
    """Return the bytes of a part of a token."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(value: Any) -> str:
    """Return JSON, or bytes, as a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def made(admin: str, name: str, **more: str) -> dict[str, Any]:
    """Make an account, and return what is told of it."""
    answer = ask("POST", "/accounts", {"name": name, "password": PASSWORD, **more}, admin, SECOND)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def typed(env: Env, lines: str, *words: str) -> Ran:
    """Run a command that reads `lines` from its standard input."""
    return run(
        "sh", "-c", 'given=$1; shift; printf %b "$given" | "$@"', "-", lines, *words, env=env
    )


def inside(script: str) -> str:
    """Return what Python says in the service's own container."""
    done = on("c01", f"docker exec -w /opt/skp/backend flask-skp python3 -c {shlex.quote(script)}")
    assert done.code == 0, done.all
    return done.out.strip()


def signed(claims: dict[str, Any]) -> str:
    """Return a token with these claims, signed by the service's own key."""
    return inside(
        "from accounts import config; from accounts.service import Service\n"
        "service = Service(config.read())\n"
        "with service.store.session() as session:\n"
        f"    print(service.keys.sign(session, {claims!r}))"
    )


_ASK = """
import sys, time, urllib.error, urllib.request
asked = urllib.request.Request("http://localhost:8099/")
asked.add_header("Authorization", "Bearer " + sys.argv[1])
end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        print(200, urllib.request.urlopen(asked, timeout=15).read().decode())
        break
    except urllib.error.HTTPError as error:
        print(error.code)
        break
    except urllib.error.URLError:
        time.sleep(0.1)
"""


def protected(token: str) -> str:
    """Return what the example of a third service answers to a token, beside the notebooks."""
    example = (ROOT / "volume/example/accounts/protected.py").read_text()
    serve, ask = (
        f"docker exec jupyter-skp timeout 60 python -c {shlex.quote(script)}"
        for script in (example, _ASK)
    )
    # (A second one finds that the first still has the port.)
    done = on("c01", f"({serve} >/dev/null 2>&1 &) && {ask} {shlex.quote(token)}")
    return done.out.strip()

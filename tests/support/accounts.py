"""The account service's HTTP API, spoken by requests; its tokens are verified as others would."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

FIRST, SECOND = "http://10.99.0.11:8060", "http://10.99.0.12:8060"
PASSWORD = "quiet-River-771"


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

"""The keys that tokens are signed with: in the database, so that all instances have the same."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any

import jwt
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from accounts.config import ACCESS_SECONDS
from accounts.models import SigningKey

ALGORITHM = "RS256"
_BITS = 3072
# A key that was replaced is published for as long as a token lives that it signed, and a while.
_KEPT = ACCESS_SECONDS + 300


class Keys:
    """Signs with the newest key, and tells all that still count."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(hashes.SHA256(), 32, None, b"flask-skp signing keys").derive(secret.encode())
        self._box = Fernet(base64.urlsafe_b64encode(derived))
        self._opened: dict[str, RSAPrivateKey] = {}

    def sign(self, session: Session, claims: dict[str, Any]) -> str:
        """Return the token with these claims."""
        row = self._newest(session)
        return jwt.encode(claims, self._open(row), ALGORITHM, headers={"kid": row.kid})

    def verification_key(self, session: Session, kid: str) -> str | None:
        """Return the public key with that id, if it still counts."""
        row = session.get(SigningKey, kid)
        return row.public if row and _counts(row) else None

    def published(self, session: Session) -> dict[str, Any]:
        """Return the key set (RFC 7517): the newest key, and those replaced a moment ago."""
        newest_first = select(SigningKey).order_by(SigningKey.made_at.desc(), SigningKey.kid)
        return {"keys": [_jwk(row) for row in session.scalars(newest_first) if _counts(row)]}

    def rotate(self, session: Session) -> str:
        """Make a new key, which signs from now on, and return its id."""
        now = int(time.time())
        session.execute(
            update(SigningKey).where(SigningKey.retired_at.is_(None)).values(retired_at=now)
        )
        pair = generate_private_key(65537, _BITS)
        private = pair.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = pair.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        row = SigningKey(
            kid=f"{secrets.token_hex(4)}-{hashlib.sha256(public).hexdigest()[:16]}",
            public=public.decode(),
            private=self._box.encrypt(private).decode(),
            made_at=now,
        )
        session.add(row)
        session.flush()
        return row.kid

    def ensure(self, session: Session) -> str:
        """Make the first key; return its id, or "" where there is one that can be used.

        One that was encrypted with another secret is replaced like any other.
        """
        row = session.scalar(select(SigningKey).where(SigningKey.retired_at.is_(None)))
        if row is not None:
            try:
                self._open(row)
                return ""
            except InvalidToken:
                pass
        return self.rotate(session)

    def _newest(self, session: Session) -> SigningKey:
        active = select(SigningKey).where(SigningKey.retired_at.is_(None))
        return session.scalars(active.order_by(SigningKey.made_at.desc()).limit(1)).one()

    def _open(self, row: SigningKey) -> RSAPrivateKey:
        if row.kid not in self._opened:
            pem = self._box.decrypt(row.private.encode())
            key = serialization.load_pem_private_key(pem, None)
            assert isinstance(key, RSAPrivateKey)
            self._opened = {row.kid: key}
        return self._opened[row.kid]


def remove_old(session: Session) -> None:
    """Delete the keys that count no more."""
    for row in session.scalars(select(SigningKey).where(SigningKey.retired_at.is_not(None))):
        if not _counts(row):
            session.delete(row)


def _counts(row: SigningKey) -> bool:
    return row.retired_at is None or row.retired_at + _KEPT > time.time()


def _jwk(row: SigningKey) -> dict[str, Any]:
    key: Any = serialization.load_pem_public_key(row.public.encode())
    found = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": ALGORITHM,
        "kid": row.kid,
        "n": found["n"],
        "e": found["e"],
    }

"""The forms of what is sent and answered; the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from accounts.names import LONGEST
from accounts.program_text import USUAL_DAYS
from accounts.rights import Level, Role

_MOST = 1000


def _text(most: int, description: str, **options: Any) -> fields.String:
    return fields.String(
        validate=validate.Length(1, most), metadata={"description": description}, **options
    )


class Login(Schema):
    """A name and its password."""

    name = _text(LONGEST, "the account's name", required=True)
    password = _text(_MOST, "its password", required=True)
    audience = _text(
        LONGEST, "the one service that the access token is for; by default all that trust this one"
    )


class Entering(Schema):
    """A page that somebody who is logged in wants to see."""

    page = _text(LONGEST, "its name", required=True)
    path = fields.String(load_default="/")
    state = fields.String(load_default="")


class Refresh(Schema):
    """A refresh token."""

    refresh_token = _text(200, "from POST or PUT /tokens; each works once", required=True)


class Revocation(Schema):
    """A refresh token, where no access token is sent."""

    refresh_token = _text(200, "its whole login is revoked")


class Membership(Schema):
    """A project of an account."""

    name = fields.String()
    gid = fields.Integer()
    role = fields.String()


class TokenPair(Schema):
    """Two tokens, and what the first one says."""

    access_token = fields.String()
    refresh_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer()
    name = fields.String()
    uid = fields.Integer()
    level = fields.String()
    projects = fields.List(fields.Nested(Membership))


class SshKeyShown(Schema):
    """A public SSH key."""

    fingerprint = fields.String(metadata={"description": "SHA-256 in hex digits"})
    key = fields.String()
    comment = fields.String()


class AccountShown(Schema):
    """An account."""

    name = fields.String()
    uid = fields.Integer()
    level = fields.String()
    is_disabled = fields.Boolean()
    projects = fields.List(fields.Nested(Membership))
    ssh_keys = fields.List(fields.Nested(SshKeyShown))
    made_at = fields.Integer(metadata={"description": "seconds since 1970"})
    password_at = fields.Integer(metadata={"description": "seconds since 1970"})


class NewAccount(Schema):
    """An account that is to be made."""

    name = _text(LONGEST, "a-z, 0-9 and -", required=True)
    password = _text(_MOST, "its password", required=True)
    level = fields.String(load_default=Level.USER, validate=validate.OneOf(list(Level)))


class AccountChange(Schema):
    """What is to be changed of an account."""

    level = fields.String(validate=validate.OneOf(list(Level)))
    is_disabled = fields.Boolean()


class PasswordChange(Schema):
    """Another password."""

    password = _text(_MOST, "the new one", required=True)
    current = _text(_MOST, "the one until now; needed for one's own account")


class NewKey(Schema):
    """A public SSH key that is to be added."""

    key = _text(5000, "the line of a .pub file", required=True)


class NewToken(Schema):
    """A token for programs that is to be made."""

    label = _text(LONGEST, "a-z, 0-9 and -; what it is called", required=True)
    project = _text(LONGEST, "the only project that it counts for; by default all of one's own")
    days = fields.Integer(
        strict=True, load_default=USUAL_DAYS, metadata={"description": "how long it counts"}
    )


class TokenShown(Schema):
    """A token for programs; its text is shown once, where it is made."""

    label = fields.String()
    project = fields.String(metadata={"description": "the only one that it counts for, or empty"})
    made_at = fields.Integer(metadata={"description": "seconds since 1970"})
    expires_at = fields.Integer(metadata={"description": "seconds since 1970"})
    used_at = fields.Integer(
        allow_none=True, metadata={"description": "seconds since 1970, to a minute"}
    )


class TokenMade(TokenShown):
    """A new token for programs."""

    token = fields.String(metadata={"description": "shown this once"})


class TokenAsked(Schema):
    """A token for programs that somebody showed to a service."""

    token = fields.String(required=True)


class NewProject(Schema):
    """A project that is to be made."""

    name = _text(LONGEST, "a-z, 0-9 and -", required=True)
    owner = _text(LONGEST, "its first owner; by default who asks")


class RoleChange(Schema):
    """A role in a project."""

    role = fields.String(required=True, validate=validate.OneOf(list(Role)))


class MemberShown(Schema):
    """A member of a project."""

    name = fields.String()
    role = fields.String()


class ProjectShown(Schema):
    """A project."""

    name = fields.String()
    gid = fields.Integer()
    members = fields.List(fields.Nested(MemberShown))
    made_at = fields.Integer(metadata={"description": "seconds since 1970"})

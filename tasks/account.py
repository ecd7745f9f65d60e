"""account.*: accounts of the cluster's users, the same as through the account service."""

from __future__ import annotations

from collections.abc import Mapping

from invoke import Collection

from cli.accounts import ask, change, day, need, public_key, with_roles
from cli.command import command
from cli.confirmation import confirm
from cli.password import password as secret
from cli.session import Session
from cluster.errors import ConfigError

ns = Collection("account")
_NAME = {"name": "The account's name; also as a word after the command."}
_PASSWORD = {"password": "Its password; bare asks, - reads stdin; without it one is generated."}
_OWN_PASSWORD = {"password": "Its password; bare asks, - reads stdin."}
_LEVEL = "user, manager or admin."
_LABEL = {"label": "What the token is called: a-z, 0-9 and -."}


@command(
    help={**_NAME, "level": _LEVEL, **_PASSWORD},
    optional=["password"],
)
def add(s: Session, name: str = "", level: str = "user", password: str = "") -> None:
    """Make an account; a generated password is shown once."""
    need(s, name=name)
    _with_password(s, "add", name, password, {"level": level})


@command(name="list")
def list_(s: Session) -> None:
    """List the accounts: user ids, levels, projects."""
    from cluster.model.line import table

    found = ask(s, "list", {})
    rows = [
        (
            each["name"],
            str(each["uid"]),
            each["level"],
            "disabled" if each["is_disabled"] else "enabled",
            with_roles(each["projects"]),
        )
        for each in found
    ]
    s.show(found, table(("NAME", "UID", "LEVEL", "STATE", "PROJECTS"), rows))


@command(help=_NAME)
def rm(s: Session, name: str = "") -> None:
    """Delete an account with its keys and tokens; its user id is never given again."""
    need(s, name=name)
    if not s.options.dry:
        confirm(f"The account {name} is deleted, with its keys and tokens.", s.options)
    change(s, "rm", {"name": name}, f"The account {name} is deleted.")


@command(help={**_NAME, **_PASSWORD}, optional=["password"])
def password(s: Session, name: str = "", password: str = "") -> None:
    """Give an account another password; all its tokens are revoked."""
    need(s, name=name)
    _with_password(s, "password", name, password, {})


@command(
    help={**_NAME, **_OWN_PASSWORD, "audience": "The one service that it is for; default: all."},
    optional=["password"],
)
def token(s: Session, name: str = "", password: str = "", audience: str = "") -> None:
    """Print an access token (5 minutes) for a name and its password."""
    need(s, name=name)
    given = secret(s, password or True, name).reveal()
    found = ask(s, "token", {"name": name, "password": given, "audience": audience})
    s.show(found, [found["access_token"]])


@command(help=_NAME)
def disable(s: Session, name: str = "") -> None:
    """Have an account not log in until account.enable; its tokens are revoked."""
    need(s, name=name)
    change(s, "disable", {"name": name}, f"The account {name} is disabled.")


@command(help=_NAME)
def enable(s: Session, name: str = "") -> None:
    """Have an account log in again."""
    need(s, name=name)
    change(s, "enable", {"name": name}, f"The account {name} is enabled.")


@command(help={**_NAME, "level": _LEVEL})
def level(s: Session, name: str = "", level: str = "") -> None:
    """Give an account another level; it has it from its next token on."""
    need(s, name=name, level=level)
    change(s, "level", {"name": name, "level": level}, f"The account {name} is of level {level}.")


@command(help=_NAME)
def keys(s: Session, name: str = "") -> None:
    """List an account's public SSH keys."""
    from cluster.model.line import table

    need(s, name=name)
    found = [each for each in ask(s, "list", {}) if each["name"] == name]
    if not found:
        raise ConfigError(f"there is no account {name}", "./skp.py account.list")
    rows = [(k["fingerprint"], k["key"].split()[0], k["comment"]) for k in found[0]["ssh_keys"]]
    s.show(found[0]["ssh_keys"], table(("FINGERPRINT", "KIND", "COMMENT"), rows))


@command(name="key-add", help={**_NAME, "file": "A file with a public key (.pub), or - for stdin."})
def key_add(s: Session, name: str = "", file: str = "") -> None:
    """Give an account a public SSH key."""
    need(s, name=name, file=file)
    given = {"name": name, "key": public_key(file)}
    change(s, "key-add", given, f"The account {name} has one more key.")


@command(
    name="key-rm",
    help={**_NAME, "fingerprint": "Its fingerprint, as account.keys or ssh-keygen -lf has it."},
)
def key_rm(s: Session, name: str = "", fingerprint: str = "") -> None:
    """Take a public SSH key from an account."""
    need(s, name=name, fingerprint=fingerprint)
    given = {"name": name, "fingerprint": fingerprint}
    change(s, "key-rm", given, f"The account {name} has that key no more.")


@command(
    name="token-add",
    help={
        **_NAME,
        **_LABEL,
        "project": "The only project that it counts for; default: all of the account's.",
        "days": "For how long it counts, 365 at most.",
    },
)
def token_add(
    s: Session, name: str = "", label: str = "", project: str = "", days: int = 90
) -> None:
    """Make a token for programs, which counts for long; it is shown once."""
    need(s, name=name, label=label)
    given = {"name": name, "label": label, "project": project, "days": str(days)}
    change(s, "token-add", given, f"The account {name} has one more token, {label}.")


@command(help=_NAME)
def tokens(s: Session, name: str = "") -> None:
    """List an account's tokens for programs; their texts are not kept."""
    from cluster.model.line import table

    need(s, name=name)
    found = ask(s, "tokens", {"name": name})
    rows = [
        (
            each["label"],
            each["project"] or "all",
            *(day(each[when]) for when in ("made_at", "expires_at", "used_at")),
        )
        for each in found
    ]
    s.show(found, table(("LABEL", "PROJECT", "MADE", "EXPIRES", "LAST USED"), rows))


@command(name="token-rm", help={**_NAME, **_LABEL})
def token_rm(s: Session, name: str = "", label: str = "") -> None:
    """Have a token for programs count no more."""
    need(s, name=name, label=label)
    given = {"name": name, "label": label}
    change(s, "token-rm", given, f"The account {name} has the token {label} no more.")


@command()
def rotate(s: Session) -> None:
    """Sign tokens with a new key; the old one is published while its tokens live."""
    change(s, "rotate", {}, "Tokens are signed with a new key.")


def _with_password(s: Session, verb: str, name: str, given: str, more: Mapping[str, str]) -> None:
    """Do something with a password that is asked for or read; else the service generates one."""
    lines = {"add": f"The account {name} is made.", "password": f"{name} has a new password."}
    own = {"password": secret(s, given, name).reveal()} if given else {}
    change(s, verb, {"name": name, **more, **own}, lines[verb])


for _task in (
    *(add, list_, rm, password, token, level, disable, enable, rotate),
    *(keys, key_add, key_rm, token_add, tokens, token_rm),
):
    ns.add_task(_task)

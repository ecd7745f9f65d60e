"""`flask-skp account VERB`: what ./skp.py account.* and project.* have done here, without HTTP.

The arguments are a JSON object on standard input, since passwords are on no command line. The
answer is one on standard output, or an error's text on standard error with the exit code 1.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from accounts import config, passwords, people, program_tokens, projects, rights, ssh_keys
from accounts.errors import ServiceError
from accounts.service import Service

_Given = Mapping[str, str]
_HERE = "the shell of the service"  # in place of an address


def _add(service: Service, session: Session, given: _Given) -> Any:
    level, (password, shown) = rights.level(given["level"]), _password_of(given)
    return people.described(service.people.add(session, given["name"], level, password)) | shown


def _password_of(given: _Given) -> tuple[str, dict[str, str]]:
    """Return the password that is given, or a generated one; and of the latter what is shown."""
    if "password" in given:
        return given["password"], {}
    made = passwords.generated()
    return made, {"password": made}


def _list(_: Service, session: Session, __: _Given) -> Any:
    return [people.described(account) for account in people.every(session)]


def _rm(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    people.remove(session, account)
    return {"name": account.name, "uid": account.uid}


def _password(service: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    password, shown = _password_of(given)
    service.people.set_password(session, account, password)
    return {"name": account.name, "uid": account.uid, **shown}


def _token(service: Service, session: Session, given: _Given) -> Any:
    account = service.logins.check(session, given["name"], given["password"], _HERE)
    return service.tokens.begin(session, account, given.get("audience", ""))


def _disable(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    people.disable(session, account)
    return {"name": account.name, "uid": account.uid}


def _enable(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    people.enable(account)
    return {"name": account.name, "uid": account.uid}


def _level(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    people.set_level(session, account, rights.level(given["level"]))
    return {"name": account.name, "uid": account.uid, "level": account.level}


def _key_add(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    return {"fingerprint": people.add_key(session, account, given["key"]).fingerprint}


def _key_rm(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    shown = given["fingerprint"]
    # (OpenSSH's form has a prefix; account.keys shows the other.)
    people.remove_key(account, ssh_keys.from_openssh(shown) if ":" in shown else shown)
    return {"name": account.name, "uid": account.uid}


def _token_add(_: Service, session: Session, given: _Given) -> Any:
    account, project = people.find(session, given["name"]), given.get("project", "")
    text, row = program_tokens.add(session, account, given["label"], project, given["days"])
    return {"token": text, **program_tokens.described(row)}


def _tokens(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    return [program_tokens.described(row) for row in account.tokens]


def _token_rm(_: Service, session: Session, given: _Given) -> Any:
    account = people.find(session, given["name"])
    program_tokens.remove(account, given["label"])
    return {"name": account.name, "uid": account.uid}


def _project_add(service: Service, session: Session, given: _Given) -> Any:
    owner = people.find(session, given["owner"])
    return projects.described(projects.add(session, service.config, given["name"], owner))


def _project_list(_: Service, session: Session, __: _Given) -> Any:
    return [projects.described(project) for project in projects.every(session)]


def _project_rm(_: Service, session: Session, given: _Given) -> Any:
    project = projects.find(session, given["name"])
    projects.remove(session, project)
    return {"name": given["name"]}


def _project_set(_: Service, session: Session, given: _Given) -> Any:
    project = projects.find(session, given["name"])
    account = people.find(session, given["account"])
    projects.set_role(session, project, account, rights.role(given["role"]))
    return projects.described(project)


def _project_leave(_: Service, session: Session, given: _Given) -> Any:
    project = projects.find(session, given["name"])
    projects.leave(session, project, people.find(session, given["account"]))
    return {"name": project.name, "gid": project.gid}


def _rotate(service: Service, session: Session, _: _Given) -> Any:
    return {"kid": service.keys.rotate(session)}


VERBS: dict[str, Callable[[Service, Session, _Given], Any]] = {
    "add": _add,
    "list": _list,
    "rm": _rm,
    "password": _password,
    "token": _token,
    "disable": _disable,
    "enable": _enable,
    "level": _level,
    "key-add": _key_add,
    "key-rm": _key_rm,
    "token-add": _token_add,
    "tokens": _tokens,
    "token-rm": _token_rm,
    "rotate": _rotate,
    "project-add": _project_add,
    "project-list": _project_list,
    "project-rm": _project_rm,
    "project-set": _project_set,
    "project-leave": _project_leave,
}


def run(verb: str, given: _Given) -> Any:
    """Do what a verb says, and return the answer; raises ServiceError or SQLAlchemyError."""
    service = Service(config.read())
    with service.store.session() as session:
        return VERBS[verb](service, session, given)


def log_beside_the_service() -> None:
    """Have what is done here told where the service tells it: in the container's log."""
    logger = logging.getLogger("accounts")
    logger.propagate = False
    with suppress(OSError):  # (another user's)
        logger.addHandler(logging.FileHandler("/proc/1/fd/2"))
        logger.setLevel(logging.INFO)


REFUSED = 3
"""The exit code where what was asked for can't be: the service itself is well."""


def main(words: list[str]) -> int:
    """Return the exit code."""
    log_beside_the_service()
    if len(words) != 1 or words[0] not in VERBS:
        sys.stderr.write(f"usage: flask-skp account {'|'.join(VERBS)} <JSON\n")
        return 2
    try:
        print(json.dumps(run(words[0], json.load(sys.stdin))))  # noqa: T201 - that is the answer
    except ServiceError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n" if error.hint else f"{error}\n")
        return REFUSED if error.status < 500 else 1
    except SQLAlchemyError as error:
        sys.stderr.write(f"the database does not answer: {getattr(error, 'orig', '')}\n")
        return 1
    return 0

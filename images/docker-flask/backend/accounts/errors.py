"""What the service refuses, each with the status that it is answered with."""

from __future__ import annotations


class ServiceError(Exception):
    """Something that was asked for and can't be; says what, what is allowed, and what to do."""

    status = 400

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InvalidError(ServiceError):
    """A value is not of its form."""

    status = 422


class LoginError(ServiceError):
    """Who asks is not known, or the token is not valid any more."""

    status = 401


class RightsError(ServiceError):
    """Who asks is known, and may not."""

    status = 403


class OriginError(ServiceError):
    """A page of another origin makes a browser ask: who sits before it may not know."""

    status = 403

    def __init__(self) -> None:
        super().__init__("another page makes this request", "Open the page by its own address.")


class UnknownError(ServiceError):
    """There is no such account, project, key or page."""

    status = 404


class ConflictError(ServiceError):
    """What is there already does not allow it."""

    status = 409


class LimitError(ServiceError):
    """Too many failures; `seconds` from now it may be tried again."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__("too many failed logins", f"Try again in {seconds} seconds.")
        self.seconds = seconds


class AwayError(ServiceError):
    """The database does not answer."""

    status = 503

    def __init__(
        self,
        message: str = "the service's database does not answer",
        hint: str = "Try again; docker.status shows MySQL.",
    ) -> None:
        super().__init__(message, hint)

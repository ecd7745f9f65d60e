"""image.mirror: other registries' images in the cluster's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.session import Session
from cluster.errors import ConfigError, ConfigErrors, SkpError, together

if TYPE_CHECKING:
    from cluster.config.secrets import Secret
    from workloads.admission import Images
    from workloads.references import Reference

_EXAMPLE = "./skp.py image.mirror registry.example.com/team/app:1.0"


def mirror(s: Session, references: str, credentials: str) -> None:
    """Copy images, and show what they are called here. One that can't be had stops no other.

    Args:
        references: with commas between them. credentials: a file of logins; "" for none.

    Raises:
        ConfigError: a reference is none, or the file has no login for it; nothing was copied.
        SkpError: an image can't be had.
    """
    from cluster.commands.audit import noted
    from workloads.admission import Images

    wanted = {each: _login(each, credentials) for each in _parsed(references)}
    if s.options.dry:
        lines = [f"{each.text} would be copied as {each.kept.reference}." for each in wanted]
        s.show([_document(each, "") for each in wanted], lines)
        return
    with s.fleet([s.inventory.master, *s.inventory.managers]) as fleet:
        with noted(fleet, s.inventory, s.command) as complaints:
            found, errors = _copied(Images(fleet, s.inventory, s.say), wanted)
        s.warn(complaints)
    if found and not (errors and s.options.json):
        lines = [f"{each.text} is {each.kept.reference}, {found[each]}" for each in found]
        s.show([_document(each, digest) for each, digest in found.items()], lines)
    if errors:
        raise errors[0] if len(errors) == 1 else together(errors)


def _parsed(references: str) -> list[Reference]:
    from workloads.check import is_image
    from workloads.references import parsed

    texts = list(dict.fromkeys(filter(None, references.split(","))))
    if not texts:
        raise ConfigError("a reference to an image is needed", _EXAMPLE)
    wrong = [
        ConfigError(f"{text}: no reference to an image", _EXAMPLE)
        for text in texts
        if not is_image(text)
    ]
    if wrong:
        raise ConfigErrors(wrong)
    return [parsed(text) for text in texts]


def _login(reference: Reference, credentials: str) -> Secret:
    from workloads.logins import NOTHING, login

    path = Path(credentials).expanduser()
    return login(path, f"{reference.host}/{reference.repository}") if credentials else NOTHING


def _copied(
    images: Images, wanted: dict[Reference, Secret]
) -> tuple[dict[Reference, str], list[SkpError]]:
    """Copy images; return their digests, and why some can't be had."""
    found: dict[Reference, str] = {}
    errors: list[SkpError] = []
    for reference, login in wanted.items():
        try:
            digest = images.mirror(reference.text, login)[reference.text]
            found[reference] = digest.rpartition("@")[2]
        except SkpError as error:
            errors.append(error)
    return found, errors


def _document(reference: Reference, digest: str) -> dict[str, str]:
    return {"reference": reference.text, "kept": reference.kept.reference, "digest": digest}

"""image.mirror: another registry's image in the cluster's own."""

from __future__ import annotations

from pathlib import Path

from cli.session import Session
from cluster.errors import ConfigError


def mirror(s: Session, text: str, credentials: str) -> None:
    """Copy an image, and show what it is called here.

    Args:
        credentials: a file of logins; "" for none.

    Raises:
        ConfigError: the reference is none, or the file has no login for it.
    """
    from cluster.commands.audit import noted
    from workloads.admission import Images
    from workloads.check import is_image
    from workloads.logins import NOTHING, login
    from workloads.references import parsed

    example = "./skp.py image.mirror registry.example.com/team/app:1.0"
    if not text:
        raise ConfigError("a reference to an image is needed", example)
    if not is_image(text):
        raise ConfigError(f"{text}: no reference to an image", example)
    reference = parsed(text)
    path = Path(credentials).expanduser()
    secret = login(path, f"{reference.host}/{reference.repository}") if credentials else NOTHING
    if s.options.dry:
        line = f"{text} would be copied as {reference.kept.reference}."
        s.show({"reference": text, "kept": reference.kept.reference}, [line])
        return
    with s.fleet([s.inventory.master, *s.inventory.managers]) as fleet:
        with noted(fleet, s.inventory, s.command) as complaints:
            digest = Images(fleet, s.inventory, s.say).mirror(text, secret)[text]
        s.warn(complaints)
    document = {"reference": text, "kept": reference.kept.reference, "digest": digest}
    s.show(document, [f"{text} is {reference.kept.reference}", digest])

"""Which images there are to build, and with which arguments."""

from __future__ import annotations

import re

from cluster.errors import ConfigError
from cluster.settings import Settings
from cluster.spec import Image

_LOCALE = re.compile(r"(C|[a-z]{2,3}_[A-Z]{2})\.UTF-8")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def data_science(
    settings: Settings, locale: str, gpu: str, tag: str
) -> tuple[Image, dict[str, str]]:
    """Return the data-science image and its build arguments.

    Raises:
        ConfigError: an argument is not of its form.
    """
    if not _LOCALE.fullmatch(locale):
        raise ConfigError(
            f"-l={locale}: not a locale; allowed: such as ko_KR.UTF-8, en_US.UTF-8 or C.UTF-8"
        )
    if not _TAG.fullmatch(tag):
        raise ConfigError(f"-t={tag}: not an image tag; allowed: such as latest or 1.0")
    if gpu.upper() not in ("TRUE", "FALSE"):
        raise ConfigError(f"-g={gpu}: allowed: TRUE or FALSE")
    if gpu.upper() == "TRUE":
        raise ConfigError('-g="TRUE": there is no image for GPUs yet', 'Use -g="FALSE".')
    return Image(settings.text("JUPYTER_IMAGE"), tag), {"LOCALE": locale}

"""The images that services run and that commands build, with their build arguments."""

from __future__ import annotations

from cluster.config.settings import ROOT, Settings
from cluster.errors import ConfigError, nearest
from cluster.model.service import Service
from cluster.model.spec import TAG, Image

_DATA_SCIENCE = "docker-ds"
# The image's two variants: the value of -g, and the word in its settings' keys (JUPYTER_GPU_IMAGE).
_VARIANTS = {"FALSE": "", "TRUE": "GPU_"}
# The locales of Debian.
_LOCALES = ROOT / "images" / _DATA_SCIENCE / "locales"


def data_science(
    settings: Settings, locale: str, gpu: str, tag: str
) -> tuple[Image, dict[str, str]]:
    """Return the data-science image and its build arguments.

    Raises:
        ConfigError: an argument is not of its form, or Debian has no such locale.
    """
    _check_tag(tag)
    if gpu.upper() not in _VARIANTS:
        raise ConfigError(f"-g={gpu}: allowed: TRUE or FALSE")
    _check_locale(locale)
    arguments = {"LOCALE": locale, "GPU": gpu.upper()}
    return data_science_image(settings, gpu.upper(), tag), arguments


def build_task(service: Service) -> str:
    """Return the name of the task, in docker, that builds the service's own image."""
    return f"image-build-{service.recipe.removeprefix('docker-')}"


def own_image(service: Service, settings: Settings, tag: str) -> Image:
    """Return the service's own image (setting SERVICE_IMAGE), built from its recipe, with `tag`.

    Raises:
        ConfigError: `tag` is not of the form of a tag.
    """
    _check_tag(tag)
    return Image(
        settings.text(f"{service.name.upper().replace('-', '_')}_IMAGE"),
        tag,
        built_by=f"docker.{build_task(service)} -t={tag}",
        recipe=service.recipe,
    )


def sshd(tag: str) -> Image:
    """Return the image with sshd, for containers of deployments; raises ConfigError for no tag."""
    _check_tag(tag)
    name, build = "docker-sshd", f"docker.image-build-sshd -t={tag}"
    return Image(f"skp/{name}", tag, built_by=build, recipe=name)


def data_science_of(settings: Settings, prefix: str) -> Image:
    """Return the data-science image that a service runs: PREFIX_GPU says which of the two."""
    gpu = "TRUE" if settings.flag(f"{prefix}_GPU") else "FALSE"
    tag = settings.text(f"{prefix}_{_VARIANTS[gpu]}TAG")
    return data_science_image(settings, gpu, tag, prefix)


def data_science_image(settings: Settings, gpu: str, tag: str, prefix: str = "JUPYTER") -> Image:
    """Return the data-science image that PREFIX_IMAGE names, or PREFIX_GPU_IMAGE for gpu="TRUE"."""
    return Image(
        settings.text(f"{prefix}_{_VARIANTS[gpu]}IMAGE"),
        tag,
        built_by=f"docker.image-build-ds -g={gpu} -t={tag}",
        recipe=_DATA_SCIENCE,
    )


def is_ours(repository: str) -> bool:
    """Return whether images/ has a recipe for `repository`; others' images are public ones."""
    owner, _, name = repository.rpartition("/")
    return owner == "skp" and (ROOT / "images" / name / "Dockerfile").is_file()


def _check_tag(tag: str) -> None:
    if not TAG.fullmatch(tag):
        raise ConfigError(f"-t={tag}: not an image tag; allowed: such as latest or 1.0")


def _check_locale(locale: str) -> None:
    known = _LOCALES.read_text(encoding="utf-8").split()
    if locale in known:
        return
    language = [name for name in known if name.startswith(f"{locale[:2].lower()}_")]
    raise ConfigError(
        f"-l={locale}: Debian has no such locale{nearest(locale, known, 0.6)}",
        f"Allowed: {', '.join(language[:8])}" if language else "For example: -l=ko_KR.UTF-8",
    )

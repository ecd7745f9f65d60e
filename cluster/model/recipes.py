"""The recipes of images that this checkout has: the folders of images/."""

from __future__ import annotations

from pathlib import Path

from cluster.config.settings import ROOT
from cluster.model.spec import Image

RECIPES = ROOT / "images"


def recipe(image: Image) -> str:
    """Return the name of the folder of images/ for `image`, whether there is one or not."""
    return image.recipe or Path(image.repository).name


def has_recipe(image: Image) -> bool:
    """Whether images/ has a Dockerfile for `image`."""
    return (RECIPES / recipe(image) / "Dockerfile").is_file()


def recipes() -> list[str]:
    """Return the names of all images that can be built."""
    return sorted(path.parent.name for path in RECIPES.glob("docker-*/Dockerfile"))

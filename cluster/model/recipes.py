"""The images that this checkout has a recipe for: the folders of images/."""

from __future__ import annotations

from pathlib import Path

from cluster.config.settings import ROOT
from cluster.model.spec import Image

RECIPES = ROOT / "images"


def recipe(image: Image) -> str:
    """Return the folder of images/ that `image` is built from, whether it is there or not."""
    return image.recipe or Path(image.repository).name


def has_recipe(image: Image) -> bool:
    """Whether images/ has a Dockerfile for it."""
    return (RECIPES / recipe(image) / "Dockerfile").is_file()


def recipes() -> list[str]:
    """Return the names of all images that can be built."""
    return sorted(path.parent.name for path in RECIPES.glob("docker-*/Dockerfile"))

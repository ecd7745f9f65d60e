"""Blob's credentials: proven against the server by Azure's SDK, then stored."""

from __future__ import annotations

import secrets
from typing import Any

from cluster.config.secrets import Secret
from cluster.errors import SkpError
from cluster.model.cluster import Cluster
from services.volumes.backends import BLOB, need


def proven(cluster: Cluster) -> Secret:
    """Return the account and its key as they are stored, after the server has accepted them.

    Raises:
        ConfigError: Blob is switched off. SkpError: the server refuses; the text says what.
    """
    need(cluster, BLOB)
    _prove(cluster)
    settings = cluster.settings
    return Secret(f"{settings.text('BLOB_ACCOUNT_NAME')}:{settings.password('BLOB_ACCOUNT_KEY')}")


def _prove(cluster: Cluster) -> None:
    from azure.core import exceptions

    text = cluster.settings.text
    name, account = text("BLOB_CONTAINER_NAME"), text("BLOB_ACCOUNT_NAME")
    where = text("BLOB_URL") or f"https://{account}.blob.core.windows.net"
    try:
        container = _container(cluster, where)
        container.get_container_properties()
        if not cluster.settings.flag("BLOB_READ_ONLY"):
            blob = container.get_blob_client(f".skp-check-{secrets.token_hex(8)}")
            blob.upload_blob(b"skp")
            blob.delete_blob()
    except exceptions.ResourceNotFoundError:
        raise SkpError(
            f"{where} has no container {name}",
            "BLOB_CONTAINER_NAME names the container; make it there first.",
        ) from None
    except exceptions.AzureError as error:
        said = f"{type(error).__name__}: {(error.message or '').splitlines()[0]}"
        if getattr(error, "status_code", None) in (401, 403):
            raise SkpError(
                f"{where} refuses BLOB_ACCOUNT_NAME and BLOB_ACCOUNT_KEY ({said})",
                "The key is one of the account's two access keys.",
            ) from None
        raise SkpError(f"{where}: {said}", "BLOB_URL names the server.") from None


def _container(cluster: Cluster, where: str) -> Any:
    from azure.storage.blob import BlobServiceClient

    seconds = cluster.settings.deadlines.connect
    service = BlobServiceClient(
        where,
        credential={
            "account_name": cluster.settings.text("BLOB_ACCOUNT_NAME"),
            "account_key": cluster.settings.password("BLOB_ACCOUNT_KEY"),
        },
        connection_timeout=seconds,
        read_timeout=seconds,
        retry_total=1,
    )
    return service.get_container_client(cluster.settings.text("BLOB_CONTAINER_NAME"))

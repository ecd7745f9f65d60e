"""S3's credentials: proven against the server by the s3fs library, then stored."""

from __future__ import annotations

import secrets
from typing import Any

from cluster.config.secrets import Secret
from cluster.errors import SkpError
from cluster.model.cluster import Cluster
from services.volumes.backends import S3, need


def proven(cluster: Cluster) -> Secret:
    """Return the access key's id and the key as they are stored, after the server accepted them.

    Raises:
        ConfigError: S3 is switched off. SkpError: the server refuses; the text says what.
    """
    need(cluster, S3)
    _prove(cluster)
    settings = cluster.settings
    return Secret(f"{settings.text('S3_ACCESS_ID')}:{settings.password('S3_ACCESS_KEY')}")


def _prove(cluster: Cluster) -> None:
    text, seconds = cluster.settings.text, cluster.settings.deadlines.connect
    bucket, where = text("S3_ACCOUNT"), text("S3_URL") or "AWS S3"
    key = f".skp-check-{secrets.token_hex(8)}"
    library: Any = __import__("s3fs")
    server = library.S3FileSystem(
        key=text("S3_ACCESS_ID"),
        secret=cluster.settings.password("S3_ACCESS_KEY"),
        endpoint_url=text("S3_URL") or None,
        client_kwargs={"region_name": text("S3_REGION")},
        config_kwargs={
            "connect_timeout": seconds,
            "read_timeout": seconds,
            "retries": {"max_attempts": 1},
            "s3": {"addressing_style": "path" if text("S3_URL") else "auto"},
        },
        skip_instance_cache=True,
    )
    server.retries = 1
    try:
        server.call_s3("list_objects_v2", Bucket=bucket, MaxKeys=1)
        if not cluster.settings.flag("S3_READ_ONLY"):
            server.call_s3("put_object", Bucket=bucket, Key=key, Body=b"skp")
            server.call_s3("delete_object", Bucket=bucket, Key=key)
    except FileNotFoundError:
        raise SkpError(
            f"{where} has no bucket {bucket}", "S3_ACCOUNT names the bucket; make it there first."
        ) from None
    except PermissionError as error:
        raise SkpError(
            f"{where} refuses S3_ACCESS_ID and S3_ACCESS_KEY for the bucket {bucket}: {error}",
            "The key has to be allowed to list, read, write and delete there.",
        ) from None
    except Exception as error:  # noqa: BLE001 - the library lets through whatever is below it
        raise SkpError(
            f"{where}: {type(error).__name__}: {error}", "S3_URL and S3_REGION name the server."
        ) from None

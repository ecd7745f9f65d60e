"""The backends of the data volumes: which settings switch them on, and what they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cluster.config.settings import Setting, Settings
from cluster.errors import ConfigError, ConfigErrors
from cluster.model.cluster import Cluster


@dataclass(frozen=True)
class Backend:
    """One kind of remote data.

    Attributes:
        name: its folder under /root/mnt, and what the image calls it.
        keys: the settings that are all "" when it is off, and none "" when it is on.
        settings: these and what else it reads.
        environment: variable to setting: what the image reads, and where its value comes from.
        init: the command that has its server accept what the settings say.
        accepted: the key of the stored secret that this command leaves behind.
        shared: where versions before this one kept its credentials, under $SKP_HOME/volume.
    """

    name: str
    keys: tuple[str, ...]
    settings: tuple[Setting, ...]
    environment: tuple[tuple[str, str], ...]
    init: str
    accepted: str
    shared: tuple[str, ...]

    def on(self, cluster: Cluster) -> bool:
        """Return whether it is switched on.

        Raises:
            ConfigErrors: some of its settings are filled in and some are not.
        """
        filled = [key for key in self.keys if _value(cluster.settings, key)]
        if not filled:
            return False
        if missing := [key for key in self.keys if key not in filled]:
            raise ConfigErrors(self._half(cluster, filled, missing))
        return True

    def _half(
        self, cluster: Cluster, filled: list[str], missing: list[str]
    ) -> Iterator[ConfigError]:
        for key in missing:
            yield ConfigError(
                f'{cluster.settings.place(key)}: {key}: "" found; allowed: a value, since '
                f"{' and '.join(filled)} {'is' if len(filled) == 1 else 'are'} set",
                f'Fill it in, or set {" and ".join(filled)} to "" to switch {self.name} off.',
            )


SSHFS = Backend(
    "sshfs",
    ("SSHFS_ID", "SSHFS_HOST", "SSHFS_VOLUME"),
    (
        Setting("SSHFS_ID", "optional-user", "", "SSHFS: the user on the SSH server"),
        Setting("SSHFS_HOST", "optional-host", "", "SSHFS: the SSH server"),
        Setting("SSHFS_PORT", "port", "22", "SSHFS: the server's port"),
        Setting("SSHFS_VOLUME", "optional-path", "", "SSHFS: the folder on the server"),
        Setting("SSHFS_READ_ONLY", "flag", "FALSE", "SSHFS: whether nobody may write"),
        Setting("SSHFS_KEY", "lasting-password", "", "SSHFS: what the key pair is made from"),
        Setting("SSHFS_ACCEPTED", "credential", "", "SSHFS: what sshfs.copy-id found right"),
    ),
    (
        ("USER_ID", "SSHFS_ID"),
        ("HOST", "SSHFS_HOST"),
        ("PORT", "SSHFS_PORT"),
        ("FOLDER", "SSHFS_VOLUME"),
        ("READ_ONLY", "SSHFS_READ_ONLY"),
    ),
    "sshfs.copy-id -p",
    "SSHFS_ACCEPTED",
    ("etc/ssh/id_ed25519", "etc/ssh/known_hosts"),
)
S3 = Backend(
    "s3",
    ("S3_ACCOUNT", "S3_ACCESS_ID", "S3_ACCESS_KEY"),
    (
        Setting("S3_ACCOUNT", "optional-bucket", "", "S3: the bucket"),
        Setting("S3_ACCESS_ID", "word", "", "S3: the access key's id"),
        Setting("S3_ACCESS_KEY", "credential", "", "S3: the secret access key"),
        Setting("S3_URL", "optional-url", "", "S3: a compatible server; AWS without it"),
        Setting("S3_REGION", "word", "us-east-1", "S3: the region"),
        Setting("S3_READ_ONLY", "flag", "FALSE", "S3: whether nobody may write"),
        Setting("S3_ACCEPTED", "credential", "", "S3: what s3fs.init found right"),
    ),
    (
        ("BUCKET", "S3_ACCOUNT"),
        ("URL", "S3_URL"),
        ("REGION", "S3_REGION"),
        ("READ_ONLY", "S3_READ_ONLY"),
    ),
    "s3fs.init",
    "S3_ACCEPTED",
    ("etc/s3fs/passwd-s3fs",),
)
BLOB = Backend(
    "blob",
    ("BLOB_ACCOUNT_NAME", "BLOB_ACCOUNT_KEY", "BLOB_CONTAINER_NAME"),
    (
        Setting("BLOB_ACCOUNT_NAME", "word", "", "Blob: the storage account"),
        Setting("BLOB_ACCOUNT_KEY", "base64-credential", "", "Blob: the account's key"),
        Setting("BLOB_CONTAINER_NAME", "optional-bucket", "", "Blob: the container"),
        Setting("BLOB_URL", "optional-url", "", "Blob: a compatible server; Azure without it"),
        Setting("BLOB_READ_ONLY", "flag", "FALSE", "Blob: whether nobody may write"),
        Setting("BLOB_ACCEPTED", "credential", "", "Blob: what blobfs.init found right"),
    ),
    (
        ("ACCOUNT", "BLOB_ACCOUNT_NAME"),
        ("BUCKET", "BLOB_CONTAINER_NAME"),
        ("URL", "BLOB_URL"),
        ("READ_ONLY", "BLOB_READ_ONLY"),
    ),
    "blobfs.init",
    "BLOB_ACCEPTED",
    ("etc/blobfs/account-key",),
)
BACKENDS = (SSHFS, S3, BLOB)


def need(cluster: Cluster, backend: Backend) -> None:
    """Return if `backend` is switched on.

    Raises:
        ConfigError: it is off, or only some of its settings are filled in.
    """
    if not backend.on(cluster):
        raise ConfigError(
            f"{cluster.settings.path}: {backend.name} is switched off",
            f"Fill in {', '.join(backend.keys)}.",
        )


def _value(settings: Settings, key: str) -> str:
    return settings.password(key) if key in settings.password_keys else settings.text(key)

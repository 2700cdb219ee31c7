"""Finished media in an S3 bucket (AWS, MinIO, Ceph …), through boto3.

Uploads land on the server's own disk and go to the bucket with their last byte, large ones in
several parts side by side: so a resumed upload needs nothing of the bucket, and a bucket that is
out of reach loses nothing. Workers fetch a source to their scratch folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from media.vaults import Kept, VaultAway
from zhixin import sandbox
from zhixin.config import Settings

PART_BYTES = 32 * 1024**2
TRANSFER = TransferConfig(
    multipart_threshold=2 * PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4
)
MISSING = ("404", "NoSuchKey", "NotFound")


class S3Vault:
    """A bucket, and a prefix within it."""

    def __init__(self, client: Any, bucket: str, prefix: str = "", *, redirect: bool = False):
        self._s3, self._bucket, self._redirect = client, bucket, redirect
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def write(self, key: str, content: bytes) -> None:
        with _asking(key):
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=content)

    def put(self, key: str, path: Path) -> None:
        with _asking(key):
            self._s3.upload_file(str(path), self._bucket, self._prefix + key, Config=TRANSFER)

    def open(self, key: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        part = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
        with _asking(key):
            found = self._s3.get_object(
                Bucket=self._bucket,
                Key=self._prefix + key,
                **(part if start or stop is not None else {}),
            )
        return cast(BinaryIO, found["Body"])

    def size(self, key: str) -> int:
        with _asking(key):
            found = self._s3.head_object(Bucket=self._bucket, Key=self._prefix + key)
        return int(found["ContentLength"])

    @contextmanager
    def local(self, key: str, scratch: Path) -> Iterator[Path]:
        # In a folder that is collected when its process was killed.
        with sandbox.scratch(scratch) as folder:
            path = folder / "fetched"
            with _asking(key):
                self._s3.download_file(self._bucket, self._prefix + key, str(path), Config=TRANSFER)
            yield path

    def remove(self, key: str) -> None:
        with _asking(key):
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def remove_all(self, prefix: str) -> None:
        keys = [{"Key": self._prefix + kept.key} for kept in self.list(prefix)]
        for at in range(0, len(keys), 1000):  # the most that one request may name
            with _asking(prefix):
                self._s3.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": keys[at : at + 1000], "Quiet": True}
                )

    def share(self, prefix: str, other: str) -> None:
        for kept in [*self.list(prefix)]:
            with _asking(kept.key):
                self._s3.copy(
                    {"Bucket": self._bucket, "Key": self._prefix + kept.key},
                    self._bucket,
                    self._prefix + other + kept.key.removeprefix(prefix),
                    Config=TRANSFER,
                )

    def list(self, prefix: str) -> Iterator[Kept]:
        pages = self._s3.get_paginator("list_objects_v2")
        folder = f"{self._prefix}{prefix.rstrip('/')}/"
        with _asking(folder):
            for page in pages.paginate(Bucket=self._bucket, Prefix=folder):
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self._prefix)
                    yield Kept(key, found["Size"], found["LastModified"])

    def address(self, key: str, *, media_type: str, seconds: int) -> str | None:
        if not self._redirect:
            return None
        asked = {
            "Bucket": self._bucket,
            "Key": self._prefix + key,
            "ResponseContentType": media_type,
            "ResponseCacheControl": f"private, max-age={seconds}",
        }
        signed: str = self._s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds)
        return signed


def from_settings(settings: Settings) -> S3Vault | None:
    """The bucket of the settings; None: a folder here."""
    if not settings.media_s3_bucket:
        return None
    client = boto3.client(
        "s3",
        endpoint_url=settings.media_s3_endpoint or None,
        region_name=settings.media_s3_region or None,
        aws_access_key_id=settings.media_s3_access_key or None,
        aws_secret_access_key=settings.media_s3_secret_key or None,
        config=Config(
            signature_version="s3v4",
            retries={"mode": "standard", "max_attempts": 5},
            connect_timeout=5,
            read_timeout=60,
            # Other makers' servers do not all know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if settings.media_s3_endpoint else "auto"},
        ),
    )
    return S3Vault(
        client,
        settings.media_s3_bucket,
        settings.media_s3_prefix,
        redirect=settings.media_s3_redirect,
    )


@contextmanager
def _asking(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in MISSING:
            raise FileNotFoundError(key) from None
        raise VaultAway(f"{key}: {code}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise VaultAway(f"{key}: {type(error).__name__}") from error

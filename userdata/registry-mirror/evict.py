#!/usr/bin/python3
"""Keeps the registries within their shares of the data volume, and the layer cache young, while they serve.

What was used longest ago goes first. Every image can be pulled again and every layer built again, so nothing is lost for good,
and a file that is being read stays readable until it is closed. A registry's own garbage collection cannot do this: it needs the
registry to be stopped, and it knows no size.
"""

import json
import os
import shutil
import time
from datetime import datetime
from pathlib import Path

DATA = Path("/var/lib/fleet-registry")
BLOBS = "docker/registry/v2/blobs/sha256/*/*/data"
REPOSITORIES = "docker/registry/v2/repositories"
# While it exists, the mirrors begin no download: a client that gets half of a layer does not look elsewhere for the other half.
FULL = Path("/run/fleet/state/full")
FREE_PERCENT = 10
# So long a blob may wait for the manifest that names it, because blobs are pushed first.
PUSH_SECONDS = 3600
NOW = time.time()


class Blob:
    """A file that is known by its digest: a layer, a configuration or a manifest."""

    def __init__(self, path):
        found = path.stat()
        self.path = path
        self.size = found.st_blocks * 512
        self.used = max(found.st_atime, found.st_mtime)

    def read_json(self):
        # Reading it here is no use of it.
        with open(os.open(self.path, os.O_RDONLY | os.O_NOATIME), encoding="utf-8") as file:
            return json.load(file)

    def remove(self):
        shutil.rmtree(self.path.parent, ignore_errors=True)


class Ref:
    """A tag of a repository: what `--cache-to` writes and `--cache-from` reads."""

    def __init__(self, link, blobs):
        self.folder = link.parent.parent
        self.digests = set()
        self.made = link.stat().st_mtime
        self.used = self.made
        self.add(link.read_text(), "", blobs)
        self.is_whole = self.digests <= blobs.keys()

    def add(self, digest, media_type, blobs):
        """Adds a blob, and those that it names when it is no archive of files."""
        if digest in self.digests:
            return
        self.digests.add(digest)
        if digest not in blobs or "tar" in media_type:
            return
        blob = blobs[digest]
        self.used = max(self.used, blob.used)
        content = blob.read_json()
        for part in [content.get("config"), *content.get("layers", []), *content.get("manifests", [])]:
            # In BuildKit's cache configuration, a layer has another shape.
            if part and "digest" in part:
                self.add(part["digest"], part.get("mediaType", ""), blobs)
        # BuildKit's cache configuration says when each step was run.
        for record in content.get("records", []):
            for result in record.get("layers", []) + record.get("chains", []):
                self.made = min(self.made, datetime.fromisoformat(result["createdAt"][:19] + "+00:00").timestamp())


def evict_images(store, limit):
    blobs = sorted((Blob(path) for path in store.glob(f"*/{BLOBS}")), key=lambda blob: blob.used)
    size = sum(blob.size for blob in blobs)
    for blob in blobs:
        if size <= limit:
            break
        blob.remove()
        size -= blob.size


def evict_layers(store, limit, max_age):
    blobs = {f"sha256:{path.parent.name}": Blob(path) for path in store.glob(BLOBS)}
    refs = [Ref(link, blobs) for link in store.glob(f"{REPOSITORIES}/**/_manifests/tags/*/current/link")]
    named = {digest for ref in refs for digest in ref.digests}
    kept = {digest for digest, blob in blobs.items() if digest not in named and NOW - blob.used < PUSH_SECONDS}
    size = sum(blobs[digest].size for digest in kept)
    for ref in sorted(refs, key=lambda ref: ref.used, reverse=True):
        more = sum(blobs[digest].size for digest in ref.digests & blobs.keys() - kept)
        if ref.is_whole and NOW - ref.made < max_age and size + more <= limit:
            kept |= ref.digests
            size += more
        else:
            print(f"fleet: evicts {ref.folder.relative_to(store / REPOSITORIES)}")
            shutil.rmtree(ref.folder, ignore_errors=True)
    for digest in blobs.keys() - kept:
        blobs[digest].remove()
    for link in store.glob(f"{REPOSITORIES}/**/sha256/*/link"):
        if f"sha256:{link.parent.name}" not in kept and NOW - link.stat().st_mtime > PUSH_SECONDS:
            shutil.rmtree(link.parent, ignore_errors=True)


def main():
    volume = os.statvfs(DATA)
    percent = volume.f_blocks * volume.f_frsize / 100
    evict_images(DATA / "mirror", percent * int(os.environ["MIRROR_SHARE"]))
    evict_layers(
        DATA / "layer-cache",
        percent * int(os.environ["LAYER_CACHE_SHARE"]),
        int(os.environ["LAYER_CACHE_MAX_AGE"]) * 86_400,
    )
    volume = os.statvfs(DATA)
    if volume.f_bavail * 100 < volume.f_blocks * FREE_PERCENT:
        print("fleet: the data volume is full")
        FULL.touch()
    else:
        FULL.unlink(missing_ok=True)


main()

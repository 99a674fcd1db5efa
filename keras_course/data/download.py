"""Downloading and preparing a set of TensorFlow Datasets, after a look at the host.

TensorFlow Datasets waits minutes for a host that is down and close to an hour for one that is
slow. So the first seconds of the download are tried beforehand, and a host that would take longer
than `PATIENCE` ends in a message that names the other ways in.
"""

import http.client
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from keras_course.data import prepared
from keras_course.errors import UserError

SECONDS = 8.0  # of trying; with the import of TensorFlow Datasets well below 20
PATIENCE = 600.0  # seconds a download may take
ENOUGH = 4_000_000  # bytes after which the rate is known


class SlowHostError(UserError):
    """A host that does not answer, or would take too long."""


def prepare(name: str, *, seconds: float = SECONDS, url: str | None = None) -> Path:
    """Download and prepare `cifar10`, `cifar100` or `tfds:NAME`, and return its folder.

    `download_size` says what that costs; asking the user comes before. `url` is tried in place of
    the set's largest download.

    Errors: UserError for a host that is slow or down, for a download that fails, and for a set
    that has to be fetched by hand; the message names the other ways in.
    """
    if folder := prepared.find(prepared.bare(name)):
        return folder
    size = prepared.download_size(name)
    name = prepared.bare(name)
    other_ways = prepared.ways_in(name, size, download=False)
    tfds = prepared.tensorflow_datasets()
    try:
        url = url or _largest(name)
        rate(url, size, seconds=seconds)
        found = prepared.builder(name)
        tfds.enable_progress_bar()
        found.download_and_prepare()
    except SlowHostError as error:
        raise SlowHostError(f"{error} {other_ways}") from error
    except UserError:
        raise
    except Exception as error:  # a network, 50 libraries and a disk: any of them may fail
        raise UserError(f"preparing {name} failed: {error} {other_ways}") from error
    return Path(found.data_dir)


def _largest(name):
    """Return the address of a set's largest download."""
    if name in prepared.ARCHIVES:
        return prepared.ARCHIVES[name][0]
    found = prepared.builder(name)
    if found.MANUAL_DOWNLOAD_INSTRUCTIONS:
        raise UserError(
            f"{name} has to be fetched by hand: {found.MANUAL_DOWNLOAD_INSTRUCTIONS.strip()} "
            f"Then prepare it with `tfds build {name}`."
        )
    if not found.url_infos:
        raise UserError(
            f"TensorFlow Datasets does not say where {name} comes from. Prepare it with "
            f"`tfds build {name}`, then use it as tfds:{name}."
        )
    return max(found.url_infos, key=lambda url: found.url_infos[url].size)


def rate(url: str, size: int, *, seconds: float = SECONDS, patience: float = PATIENCE) -> float:
    """Return bytes per second, from the first `seconds` of a download of `size` bytes.

    Errors: SlowHostError where nothing comes within `seconds`, or where at that rate the whole
    would take longer than `patience` seconds. It returns or raises within `seconds` in any case.
    """
    trial = _Trial(url, seconds)
    start = time.monotonic()
    trial.start()
    trial.join(seconds)
    received = trial.received  # the thread may go on
    measured = received / (time.monotonic() - start)
    host = urllib.parse.urlsplit(url).hostname
    if not received:
        raise SlowHostError(
            f"{host} does not answer ({trial.failure or f'nothing in {seconds:.0f} s'})."
        )
    if size > measured * patience:
        raise SlowHostError(
            f"{host} is slow: it sends {measured / 1e3:.0f} kB a second, so that "
            f"{size / 1e6:.0f} MB would take {size / measured / 60:.0f} minutes."
        )
    return measured


class _Trial(threading.Thread):
    """Reads the first bytes in a thread, since a name look-up cannot be given a time limit."""

    def __init__(self, url, seconds):
        super().__init__(daemon=True)
        self.url, self.seconds = url, seconds
        self.received, self.failure = 0, None

    def run(self):
        end = time.monotonic() + self.seconds
        try:
            with urllib.request.urlopen(self.url, timeout=self.seconds) as response:
                while self.received < ENOUGH and time.monotonic() < end:
                    block = response.read1(1 << 16)
                    if not block:
                        break
                    self.received += len(block)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.failure = getattr(error, "reason", error)

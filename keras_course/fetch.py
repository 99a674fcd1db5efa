"""A file from the web: whole or not at all, its size told, and never a wait without an end."""

import http.client
import shutil
import threading
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

from keras_course import files

SECONDS = 8.0  # without a byte


def fetch(url: str, path: Path, seconds: float | None = None) -> None:
    """Write the file of an address to `path`, whole or not at all, and say how large it is.

    Errors: OSError where nothing comes for `seconds`, left out: `SECONDS`.
    """
    response = _opened(url, seconds or SECONDS)
    size = int(response.headers["Content-Length"])
    print(f"Downloading {size / 1e6:.3g} MB from {url} to {path}", flush=True)
    bar = tqdm.wrapattr(response, "read", total=size, desc=path.name, disable=None)
    with response, bar as body, files.whole(path) as temporary, temporary.open("wb") as file:
        shutil.copyfileobj(body, file)
        if file.tell() != size:
            raise OSError(f"only {file.tell():,} of {size:,} bytes arrived")


def _opened(url, seconds):
    answer = []

    def ask():
        try:
            answer.append(urllib.request.urlopen(url, timeout=seconds))
        except (OSError, ValueError, http.client.HTTPException) as error:
            answer.append(error)

    # In a thread, since a name look-up cannot be given a time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answer or isinstance(answer[0], TimeoutError):  # whichever limit was met first
        raise OSError(f"no answer in {seconds:g} s")
    if isinstance(answer[0], Exception):
        raise answer[0]
    return answer[0]

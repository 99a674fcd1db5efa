"""The bar with the time left that a search shows where somebody watches."""

import sys

from tqdm.auto import tqdm


def bar(total: int, description: str, done: int = 0) -> tqdm:
    """Return a bar of `total` training steps, `done` of them behind it."""
    unwatched = not (sys.stderr.isatty() or "ipykernel" in sys.modules)
    return tqdm(
        total=total, initial=done, desc=description, unit="step", leave=False, disable=unwatched
    )

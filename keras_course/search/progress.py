"""The bar with the time left that a search shows where somebody watches."""

from tqdm.auto import tqdm

from keras_course.progress import unwatched


def bar(total: int, description: str, done: int = 0) -> tqdm:
    """Return a bar of `total` training steps, `done` of them behind it."""
    looks = {"desc": description, "unit": "step", "leave": False, "disable": unwatched()}
    return tqdm(total=total, initial=done, **looks)

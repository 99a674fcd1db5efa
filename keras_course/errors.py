"""The ways in which a command ends without a result and without a traceback.

A `UserError` is a mistake in what was given: its message says what that was, what was expected and
what to do next, and the command line ends with code 2. A `Failure` is an honest try that did not
succeed, such as a loss that became infinite: code 1. `Terminated` is the end that the system asked
for, by SIGTERM: code 143; Python's own KeyboardInterrupt is that of Ctrl-C: 130.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """What was given cannot be used; the message says what can."""


class Failure(Exception):
    """What was asked for was tried and did not succeed; the message says why."""

    exit_code = 1


class Terminated(KeyboardInterrupt):
    """SIGTERM: a scheduler such as SLURM, or Colab, is about to end this process."""


# In the words of XLA, CUDA, cuDNN and cuBLAS, and of TensorFlow where a copy does not fit.
OF_MEMORY = (
    "RESOURCE_EXHAUSTED",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "_STATUS_ALLOC_FAILED",
    "Dst tensor is not initialized",
)


def memory_is_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that it came from, says so of the device, in TensorFlow's
    words or JAX's."""
    while error is not None:
        said = any(words in str(error) for words in OF_MEMORY)
        if said or type(error).__name__ == "ResourceExhaustedError":
            return True
        error = error.__cause__ or error.__context__
    return False


def tensorflow_needed(what: str) -> UserError:
    """Return the error for something that TensorFlow does, whatever Keras runs on."""
    return UserError(
        f"{what} needs packages of TensorFlow that are not installed: "
        "`pip install -r requirements.txt`."
    )


def unknown(kind: str, given: object, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not in a table, with the nearest one that is."""
    known = list(known)

    def likeness(name):
        blocks = difflib.SequenceMatcher(None, str(given), name)
        first = blocks.get_matching_blocks()[0]
        return blocks.ratio(), first.size if first.a == first.b == 0 else 0

    nearest = max(known, key=likeness)
    hint = f" Did you mean {nearest!r}?" if likeness(nearest)[0] > 0.6 else ""
    return UserError(f"{kind} must be one of {', '.join(known)}. Received: {given!r}.{hint}")

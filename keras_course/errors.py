"""Mistakes of the user, as opposed to faults of the program.

The command line prints a `UserError` without a traceback and ends with code 2. The message says
what was given, what was expected and what to do next.
"""

import difflib
import os
from collections.abc import Iterable


class UserError(ValueError):
    """What was given cannot be used; the message says what can."""


def unknown(kind: str, given: object, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not in a table, with the nearest one that is."""
    known = list(known)

    def likeness(name):
        prefix = os.path.commonprefix([name, str(given)])
        return difflib.SequenceMatcher(None, str(given), name).ratio(), len(prefix)

    nearest = max(known, key=likeness)
    hint = f" Did you mean {nearest!r}?" if likeness(nearest)[0] > 0.6 else ""
    return UserError(f"{kind} must be one of {', '.join(known)}. Received: {given!r}.{hint}")

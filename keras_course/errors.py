"""Mistakes of the user, as opposed to faults of the program.

The command line prints a `UserError` without a traceback and ends with code 2. The message says
what was given, what was expected and what to do next.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """What was given cannot be used; the message says what can."""


def unknown(kind: str, given: object, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not in a table, with the nearest one that is."""
    known = list(known)
    nearest = difflib.get_close_matches(str(given), known, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return UserError(f"{kind} must be one of {', '.join(known)}. Received: {given!r}.{hint}")

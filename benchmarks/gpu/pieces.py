"""What is measured, in this order; each piece is a module of its name.

The first line of its head is the title of its table, HEAD that table's head, and `cells` makes a
row of a result. `parts` returns what there is to measure by key, each a function of no arguments
that returns a result; `minutes` is how long one may take, compiling included, by what an H200 took.
"""

from dataclasses import dataclass, field

from benchmarks.gpu import correctness, networks, race, rates, searches, steps


@dataclass(frozen=True)
class Asked:
    """short: small versions. minutes: of each network. searches: their results on this machine."""

    short: bool = False
    minutes: float = 5
    searches: dict[str, dict] = field(default_factory=dict)


PIECES = {
    "correctness": correctness,
    "steps": steps,
    "race": race,
    "rates": rates,
    "searches": searches,
    "networks": networks,
}

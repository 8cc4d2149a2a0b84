"""A prompt for walking from number to number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.base.errors import PellucidError
from pellucid.cli.explaining import print_number, print_way, shown_terms

if TYPE_CHECKING:
    from pellucid.cli.output import Voice
    from pellucid.explain.recorded import Number

HELP = """\
3            go to the third term's first source; 3b to its second
d            show the whole way down along the largest terms
p            the number as Python that needs torch alone
u            back up
NAME[…]      go to any number, e.g. conv2[0, 3, 10, 4]
l            what can be asked
q            leave"""


def walk(voice: Voice, number: Number, top: int) -> list[str]:
    """Explain, ask where to go, explain; returns the addresses of the numbers that were visited."""
    way, visited = [number], []
    arrived = True
    while True:
        here = way[-1]
        if arrived:
            visited.append(here.name)
            _show(voice, here, top)
        try:
            word = input("where to? (h: help) ").strip()
        except EOFError:
            return visited
        arrived = False
        if word in ("q", "quit", "exit"):
            return visited
        if word in ("h", "?", "help", ""):
            voice.people.print(HELP, markup=False)
        elif word == "u" and len(way) > 1:
            way.pop()
            arrived = True
        elif word == "u":
            voice.people.print("This is where you began.")
        else:
            arrived = _go(voice, way, word, top)


def _go(voice: Voice, way: list[Number], word: str, top: int) -> bool:
    """Do what a word says; True if it led to another number."""
    from pellucid.explain.down import way_down
    from pellucid.explain.explained import NotCovered
    from pellucid.explain.snippet import as_python

    here = way[-1]
    if word == "d":
        print_way(voice.people, way_down(here))
    elif word == "l":
        print_names(voice, here)
    elif word == "p":
        found = here.explain()
        if not isinstance(found, NotCovered):
            voice.people.print(as_python(here, found), markup=False, soft_wrap=True)
    else:
        try:
            way.append(_next(here, word, top))
        except PellucidError as error:
            voice.people.print(str(error), markup=False)
        else:
            return True
    return False


def _next(here: Number, word: str, top: int) -> Number:
    """The number that a term's place, or an address, names."""
    from pellucid.base.errors import WrongUse
    from pellucid.explain.explained import NotCovered

    digits, letter = word.rstrip("abcdefgh"), word[len(word.rstrip("abcdefgh")) :]
    if not digits.isdecimal() or len(letter) > 1:
        return here.recorded.ask(word)
    found = here.explain()
    terms = [] if isinstance(found, NotCovered) else list(shown_terms(found, top))
    place, source = int(digits) - 1, ord(letter or "a") - ord("a")
    if not 0 <= place < len(terms):
        raise WrongUse("walk", word, f"a term from 1 to {len(terms)}", "type its number")
    sources = terms[place].source
    if not 0 <= source < len(sources):
        raise WrongUse("walk", word, f"a source of the term, of which there are {len(sources)}",
                       "choose another term" if not sources else "a is the first")  # fmt: skip
    return here.recorded.ask(str(sources[source]))


def _show(voice: Voice, number: Number, top: int) -> None:
    from pellucid.explain.explained import NotCovered
    from pellucid.explain.grids import grids_of

    found = number.explain()
    grids = () if isinstance(found, NotCovered) else grids_of(number.recorded, found)
    print_number(voice.people, found, top, grids, lambda at: number.recorded.ask(at).value)


def print_names(voice: Voice, number: Number) -> None:
    """Everything that can be asked, with its shape."""
    from pellucid.cli.output import table

    rows = table("name", "shape")
    for name, shape in number.recorded.names().items():
        rows.add_row(name, "one number" if not shape else " × ".join(map(str, shape)))
    voice.people.print(rows)

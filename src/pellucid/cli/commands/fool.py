"""Find out how little changes a network's answer: one pixel with a proof, or known attacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.cli.fooling import (
    SHOWN,
    print_beside,
    print_line,
    print_one,
    print_share,
    tell_fewer,
)
from pellucid.cli.output import (
    STOPPED,
    JsonPath,
    OpenPage,
    RunsFolder,
    Standardise,
    UsersPictures,
    Voice,
    WeightsFile,
    tell_page,
)

if TYPE_CHECKING:
    from pellucid.fool.certificate import Checked
    from pellucid.fool.opening import Which
    from pellucid.fool.victim import Victim
    from pellucid.train.interrupt import Interrupt

GALLERY = 24
"""Fooled pictures that the page shows."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Examples:  pellucid fool mnist-convnet-1 --image 7   ·   "
    "pellucid fool mnist-convnet-1 --count 100   ·   "
    "pellucid fool mnist-convnet-1 --count 100 --attack pgd --budget 0.1   ·   "
    "pellucid fool hardened --count 200 --attack pgd --restarts 5 --beside plain   ·   "
    "pellucid fool mine.py:build --weights mine.safetensors --pictures mnist --count 20   ·   "
    "pellucid fool --verify runs/mnist-convnet-1/fool/certificates/validation-7.json"
)
def fool(
    target: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run, or a network of yours: module:factory."),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(metavar="N|FILE", help="One picture: a validation example, or a file."),
    ] = None,
    count: Annotated[
        int | None, typer.Option(metavar="N", help="The first N pictures of the split.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Ask about test pictures; the look is counted.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(help="At most so long for a picture; the rest is undecided.")
    ] = None,
    enumerating: Annotated[
        bool, typer.Option("--enumerate", help="Try the 256 levels one by one instead of a proof.")
    ] = False,
    attack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Attack within a budget, instead of a proof.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="How far an attack may go, in its own unit.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of an attack; each has its usual number.")
    ] = None,
    restarts: Annotated[
        int | None, typer.Option(help="How often pgd begins anew where it failed (1).")
    ] = None,
    corruption: Annotated[
        str | None, typer.Option(metavar="NAME", help="Accuracy under a corruption, instead.")
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Ask another run the same, and tell the difference."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again what has a certificate already.")
    ] = False,
    verify: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check a certificate by asking the network itself."),
    ] = None,
    weights: WeightsFile = None,
    pictures: UsersPictures = None,
    standardise: Standardise = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write (RUN/fool; fool-NAME for yours)."),
    ] = None,
    open_page: OpenPage = False,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> int:
    """Can one pixel change the answer? A proof, or every pixel and value that does it.

    The proof is about every real value of a pixel in its range, not the 256 levels alone. Ends
    with 1 if a certificate does not hold.
    """
    from pellucid.cli.attacking import chosen, try_out
    from pellucid.fool.opening import Which

    voice = Voice(json)
    if verify is not None:
        others: dict[str, object] = {
            "image": image,
            "count": count,
            "test": test,
            "seconds": seconds,
        }
        others |= {"enumerate": enumerating, "attack": attack, "budget": budget, "steps": steps}
        others |= {"restarts": restarts, "corruption": corruption, "beside": beside}
        others |= {"again": again, "out": out, "open": open_page}
        _refuse(others, "with --verify", "--verify alone: the certificate says what was asked")
        return _verify(voice, verify, target, runs, weights, pictures, standardise)
    if target is None:
        raise WrongUse(
            "pellucid fool", "no network", "a run, or module:factory", "see: pellucid runs list"
        )
    which = Which(image, _counted(image, count), test)
    asked = chosen(attack, corruption, budget, steps, restarts)
    if asked is not None:
        others = {"enumerate": enumerating, "seconds": seconds, "again": again}
        _refuse(others, "with --attack or --corruption", "it with the question of the single pixel")
    victim, folder = _opened(target, runs, weights, pictures, standardise, which)
    tell_fewer(voice, count, victim)
    other = None if beside is None else _beside(beside, runs, which, victim)
    if asked is not None:
        second = other[0] if other else None
        stopped = try_out(voice, victim, asked, second, out or folder, open_page)
        return STOPPED if stopped else 0
    how = (enumerating, seconds, again)
    return STOPPED if _ask(voice, victim, out or folder, how, other, open_page) else 0


def _refuse(others: dict[str, object], beside: str, expected: str) -> None:
    """Refuse options that would be ignored."""
    for name, value in others.items():
        if value is not None and value is not False:
            option = f"--{name}"
            raise WrongUse("pellucid fool", f"{option} {beside}", expected, f"leave {option} out")


def _beside(name: str, runs: str | None, which: Which, victim: Victim) -> tuple[Victim, Path]:
    """Another run with the very same pictures, and the folder for what is found of it."""
    from pellucid.fool.opening import of_run
    from pellucid.train.runs import load

    run = load(name, runs=runs)
    other = of_run(run, which)
    if victim.pictures.shape != other.pictures.shape or not bool(
        (victim.pictures == other.pictures).all()
    ):
        raise WrongUse(
            f"--beside {name}",
            f"other pictures than those of {victim.title}",
            "a run of the same data, split in the same way",
            f"train one with the same data set and split_seed as {victim.title}",
        )
    return other, run.folder / "fool"


def _counted(image: str | None, count: int | None) -> int:
    if image is not None and count is not None:
        raise WrongUse("pellucid fool", "--image and --count", "one of them", "leave one out")
    if count is not None and count < 1:
        raise WrongUse("--count", str(count), "1 picture or more", "--count 100")
    return count or 1


def _opened(
    target: str,
    runs: str | None,
    weights: str | None,
    pictures: str | None,
    standardise: bool,
    which: Which,
) -> tuple[Victim, Path]:
    """The network with its pictures, and the folder for what is found."""
    from pellucid.fool.opening import of_factory, of_run
    from pellucid.train.runs import load

    if ":" in target:
        victim = of_factory(target, weights, pictures, standardise, which)
        return victim, Path(f"fool-{target.rpartition(':')[2]}")
    for name, value in {
        "weights": weights,
        "pictures": pictures,
        "standardise": standardise,
    }.items():
        if value:
            raise WrongUse(
                f"--{name}",
                "a run, which has its own",
                f"--{name} only with module:factory",
                f"leave --{name} out",
            )
    run = load(target, runs=runs)
    return of_run(run, which), run.folder / "fool"


def _ask(
    voice: Voice,
    victim: Victim,
    folder: Path,
    how: tuple[bool, float | None, bool],
    other: tuple[Victim, Path] | None,
    open_page: bool,
) -> bool:
    """Ask about the single pixel, tell and record; whether it was stopped before it was done."""
    from pellucid.fool.asking import Asking, share_fooled
    from pellucid.train.interrupt import Interrupt

    theirs: list[Record] = []
    with Interrupt() as interrupt:
        certificates = _asked(voice, victim, folder, how, interrupt)
        if other is not None:
            theirs = _asked(voice, *other, how, interrupt)
    share = share_fooled(certificates)
    if len(victim.pictures) > 1:
        print_share(voice, share, certificates, folder)
    elif certificates:
        print_one(voice, certificates[0], Asking(victim, folder, how[0]).path(0))
    found = {
        "title": victim.title,
        "method": "enumeration" if how[0] else "bounds",
        "pictures": [_slim(one) for one in certificates],
        **share,
        "folder": str(folder),
    }
    if other is not None:
        found |= _compared(voice, other[0], certificates, theirs)
    page = _page(victim, certificates, found, folder)
    if page is not None:
        tell_page(voice, page, open_page)
    voice.record({**found, "page": None if page is None else str(page)})
    if interrupt.asked:
        done = f"{len(certificates)} of {len(victim.pictures)} pictures have a certificate"
        voice.log.print(f"{done}: the same command goes on from here.", markup=False)
    return interrupt.asked


def _asked(
    voice: Voice,
    victim: Victim,
    folder: Path,
    how: tuple[bool, float | None, bool],
    interrupt: Interrupt,
) -> list[Record]:
    """The certificates, each told on standard error where there are many."""
    from pellucid.fool.asking import Asking

    found: list[Record] = []
    for record in Asking(victim, folder, *how, lambda: interrupt.asked).answers():
        found.append(record)
        if len(victim.pictures) > 1:
            print_line(voice, record, len(found), len(victim.pictures))
    return found


def _compared(
    voice: Voice, other: Victim, certificates: list[Record], theirs: list[Record]
) -> Record:
    """The other network's share, and the difference on the pictures that both were asked about."""
    from pellucid.fool.asking import share_fooled
    from pellucid.lab.beside import fooled_beside

    share = share_fooled(theirs)
    done = min(len(certificates), len(theirs))
    difference = fooled_beside(certificates[:done], theirs[:done])
    print_beside(voice, other.title, share, difference)
    return {"beside": {"title": other.title, **share}, "difference": difference}


def _page(victim: Victim, certificates: list[Record], found: Record, folder: Path) -> Path | None:
    """`fool.json` and the page drawn from it: the one picture, or those that one pixel fools."""
    from pellucid.base.records import write_json
    from pellucid.fool.showing import shown
    from pellucid.report.fooled import write

    if not certificates:
        return None
    right = [one for one in certificates if one["label"] in (None, one["answer"])]
    chosen = [one for one in right if one["flips"]][:GALLERY] or certificates[:1]
    write_json(folder / "fool.json", {**found, "shown": [shown(victim, one) for one in chosen]})
    return write(folder)


SLIM = ("index", "label", "answer", "proved", "flipped", "undecided", "flips", "seconds")


def _slim(certificate: Record) -> Record:
    return {key: certificate[key] for key in SLIM}


def _verify(
    voice: Voice,
    path: Path,
    target: str | None,
    runs: str | None,
    weights: str | None,
    pictures: str | None,
    standardise: bool,
) -> int:
    """Ask the network again, without any bound."""
    from pellucid.fool.certificate import check_weights, read
    from pellucid.fool.certificate import verify as verified
    from pellucid.fool.opening import Which

    record = read(path)
    source = record["network"]["source"]
    victim, _ = _opened(
        target or source.get("run") or source["factory"],
        runs,
        weights or source.get("weights"),
        pictures or source.get("pictures"),
        standardise,
        Which(),
    )
    check_weights(record, victim, path)
    checked = verified(record, victim)
    return _print_checked(voice, checked, path)


def _print_checked(voice: Voice, checked: Checked, path: Path) -> int:
    told = "holds" if checked.holds else "DOES NOT HOLD"
    voice.people.print(
        f"The certificate {told}: {checked.flips} flips asked again, {checked.sampled} other "
        f"changes of one pixel tried, {len(checked.contradictions)} contradictions.",
        markup=False,
        soft_wrap=True,
    )
    for sentence in checked.contradictions[:SHOWN]:
        voice.people.print(f"  {sentence}", markup=False)
    voice.record(
        {
            "certificate": str(path),
            "holds": checked.holds,
            "flips_asked": checked.flips,
            "sampled": checked.sampled,
            "contradictions": checked.contradictions,
        }
    )
    return 0 if checked.holds else 1

"""Find out how little changes a network's answer: one pixel with a proof, or known attacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.base.errors import WrongUse
from pellucid.base.records import Record
from pellucid.cli.output import JsonPath, Voice, table

if TYPE_CHECKING:
    from pellucid.fool.certificate import Checked
    from pellucid.fool.opening import Which
    from pellucid.fool.victim import Victim

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

SHOWN = 10
"""Lines of a table for people; `--json` and the certificates hold everything."""


@app.command(
    epilog="Examples:  pellucid fool mnist-convnet-1 --image 7   ·   "
    "pellucid fool mnist-convnet-1 --count 100   ·   "
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
    again: Annotated[
        bool, typer.Option("--again", help="Ask again what has a certificate already.")
    ] = False,
    verify: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check a certificate by asking the network itself."),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="FILE.safetensors", help="Your network's weights.")
    ] = None,
    pictures: Annotated[
        str | None, typer.Option(metavar="FOLDER|FILE.npz|SET", help="Your network's pictures.")
    ] = None,
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Give pictures with mean 0 and spread 1.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where to write (RUN/fool; fool-NAME for yours)."),
    ] = None,
    runs: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where runs are kept (default: runs).")
    ] = None,
    json: JsonPath = None,
) -> int:
    """Can one pixel change the answer? A proof, or every pixel and value that does it.

    The proof is about every real value of a pixel in its range, not the 256 levels alone. Ends
    with 1 if a certificate does not hold.
    """
    from pellucid.fool.opening import Which

    voice = Voice(json)
    if verify is not None:
        return _verify(voice, verify, target, runs, weights, pictures, standardise)
    if target is None:
        raise WrongUse(
            "pellucid fool", "no network", "a run, or module:factory", "see: pellucid runs list"
        )
    which = Which(image, _counted(image, count), test)
    victim, folder = _opened(target, runs, weights, pictures, standardise, which)
    _ask(voice, victim, out or folder, enumerating, seconds, again)
    return 0


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
    enumerating: bool,
    seconds: float | None,
    again: bool,
) -> None:
    from pellucid.base.records import write_json
    from pellucid.fool.asking import Asking, share_fooled
    from pellucid.train.interrupt import Interrupt

    certificates: list[Record] = []
    with Interrupt() as interrupt:
        asking = Asking(victim, folder, enumerating, seconds, again, lambda: interrupt.asked)
        for record in asking.answers():
            certificates.append(record)
            if len(victim.pictures) > 1:
                _line(voice, record, len(certificates), len(victim.pictures))
    if len(victim.pictures) == 1 and certificates:
        _print_one(voice, certificates[0], asking.path(0))
    share = share_fooled(certificates)
    if len(victim.pictures) > 1:
        _print_share(voice, share, certificates, folder)
    found = {
        "title": victim.title,
        "method": "enumeration" if enumerating else "bounds",
        "pictures": [_slim(one) for one in certificates],
        **share,
        "folder": str(folder),
    }
    write_json(folder / "fool.json", found)
    voice.record(found)
    if interrupt.asked:
        voice.log.print("Stopped: the same command goes on from here.", markup=False)


SLIM = ("index", "label", "answer", "proved", "flipped", "undecided", "flips", "seconds")


def _slim(certificate: Record) -> Record:
    return {key: certificate[key] for key in SLIM}


def _line(voice: Voice, record: Record, done: int, total: int) -> None:
    told = f"{record['proved']} proved, {record['flipped']} flip, {record['undecided']} undecided"
    voice.log.print(
        f"{done:>5}/{total}  picture {record['index']}, a {record['label']} read as "
        f"{record['answer']}: {told}  {record['seconds']:.2f} s",
        markup=False,
    )


def _print_one(voice: Voice, record: Record, path: Path) -> None:
    people = voice.people
    label = f", a {record['label']}," if record["label"] is not None else ""
    people.print(
        f"Picture {record['index']}{label} is read as {record['answer']}.  {record['claim']}",
        markup=False,
        soft_wrap=True,
    )
    people.print(
        f"{record['proved']} pixels proved, {record['flipped']} flip, {record['undecided']} "
        f"undecided of {record['pixels']}, in {record['seconds']:.2f} s",
        markup=False,
    )
    if record["flips"]:
        rows = table("pixel", "values", "becomes", "asked at", right=("values",))
        for flip in record["flips"][:SHOWN]:
            rows.add_row(
                f"({flip['row']}, {flip['column']})",
                f"{_value(flip['low'])} to {_value(flip['high'])}",
                flip["becomes"],
                _value(flip["value"]),
            )
        people.print(rows)
        if len(record["flips"]) > SHOWN:
            people.print(f"… and {len(record['flips']) - SHOWN} more", markup=False)
    people.print(f"Certificate:  {path}", markup=False, soft_wrap=True)


def _value(value: Any) -> str:
    many = value if isinstance(value, list) else [value]
    return " ".join(f"{one:.4f}" for one in many)


def _print_share(voice: Voice, share: Record, certificates: list[Record], folder: Path) -> None:
    people = voice.people
    if share["share_fooled"] is not None:
        people.print(
            f"One pixel changes the answer of {share['fooled']} of {share['asked']} rightly read "
            f"pictures: {100 * share['share_fooled']:.1f} % (95 % interval "
            f"{100 * share['low']:.1f} % to {100 * share['high']:.1f} %).",
            markup=False,
            soft_wrap=True,
        )
    if share["undecided"]:
        people.print(f"{share['undecided']} are undecided.", markup=False)
    if share["wrong"]:
        people.print(f"{share['wrong']} were read wrongly before any change.", markup=False)
    rows = table("picture", "read as", "becomes", "pixel", "from")
    fooled = [one for one in certificates if one["flips"]]
    for record in fooled[:SHOWN]:
        flip = record["flips"][0]
        rows.add_row(
            str(record["index"]),
            record["answer"],
            flip["becomes"],
            f"({flip['row']}, {flip['column']})",
            f"{_value(flip['low'])} to {_value(flip['high'])}",
        )
    if fooled:
        people.print(rows)
    people.print(f"Certificates:  {folder / 'certificates'}", markup=False, soft_wrap=True)


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

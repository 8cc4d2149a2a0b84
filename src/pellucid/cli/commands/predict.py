"""Say what is on pictures of yours, with a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pellucid.base.errors import BadData, PellucidError, WrongUse
from pellucid.base.records import Record
from pellucid.cli.output import JsonPath, RunsFolder, Voice, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pellucid.data.prepare import Prepared
    from pellucid.train.runs import Run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

SHOWN = 20
"""Files whose preparation is drawn: more would make a picture that nobody looks at."""


@app.command(
    epilog="Examples:  pellucid predict digits-convnet-1 three.png   ·   "
    "pellucid predict mnist-convnet-1 scans/ --json answers.json"
)
def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name or folder.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Picture files, or folders of them.")
    ],
    top: Annotated[int, typer.Option(help="How many classes to show for each file.")] = 3,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="OUT.png", help="Where to draw the preparation (RUN/predict.png)."),
    ] = None,
    runs: RunsFolder = None,
    json: JsonPath = None,
) -> None:
    """Classes and probabilities for picture files, photographed or drawn, of any size."""
    from pellucid.train.predict import check_classifies
    from pellucid.train.runs import load

    if top < 1:
        raise WrongUse("--top", str(top), "1 or more", "--top 3")
    voice, loaded = Voice(json), load(run, runs=runs)
    check_classifies(loaded)
    prepared, faults = _prepare(files, loaded)
    answers = _answers(loaded, prepared)
    _print(voice, answers, top)
    drawn = _drawn(voice, prepared, answers, picture, loaded)
    for error in faults.values():
        voice.log.print(f"Not read: {error}", markup=False, soft_wrap=True)
    voice.record(
        {
            "run": str(loaded.folder),
            "files": answers,
            "not_read": [{"file": file, **error.as_record()} for file, error in faults.items()],
            "picture": drawn,
        }
    )
    if faults:
        raise typer.Exit(max(error.exit_code for error in faults.values()))


def _prepare(files: list[Path], run: Run) -> tuple[dict[str, Prepared], dict[str, PellucidError]]:
    """Every file as the network gets it, and those that cannot be read, with the reason."""
    from pellucid.data.prepare import prepare

    prepared: dict[str, Prepared] = {}
    faults: dict[str, PellucidError] = {}
    for given in files:
        try:
            paths = _pictures_in(given) if given.is_dir() else [given]
        except PellucidError as error:
            faults[str(given)] = error
            continue
        for path in paths:
            try:
                prepared[str(path)] = prepare(path, run.data)
            except PellucidError as error:
                faults[str(path)] = error
    return prepared, faults


def _pictures_in(folder: Path) -> list[Path]:
    from pellucid.data.pictures import ENDINGS

    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    if not found:
        raise BadData(
            str(folder),
            "a folder without pictures",
            "picture files, or a folder that holds them itself",
            f"name the files, e.g. {folder}/*/*.png",
        )
    return found


def _answers(run: Run, prepared: dict[str, Prepared]) -> list[Record]:
    """`file`, `label` and `probabilities` (class → probability) for every file."""
    if not prepared:
        return []
    import numpy as np

    from pellucid.train.predict import predict as ask

    beliefs = ask(run, np.stack([one.pixels for one in prepared.values()]))
    classes: list[str] = run.data["classes"]
    return [
        {
            "file": file,
            "label": classes[int(belief.argmax())],
            "probabilities": dict(zip(classes, map(float, belief), strict=True)),
        }
        for file, belief in zip(prepared, beliefs, strict=True)
    ]


def _print(voice: Voice, answers: list[Record], top: int) -> None:
    if not answers:
        return
    count = min(top, len(answers[0]["probabilities"]))
    rows = table("File", "Read as", *[""] * (count - 1))
    for answer in answers:
        rows.add_row(answer["file"], *_likeliest(answer, count))
    voice.people.print(rows)


def _likeliest(answer: Record, count: int) -> list[str]:
    """`4  97.31 %`, the likeliest first."""
    pairs = sorted(answer["probabilities"].items(), key=lambda pair: -pair[1])[:count]
    return [f"{name}  {100 * probability:.2f} %" for name, probability in pairs]


def _drawn(
    voice: Voice,
    prepared: dict[str, Prepared],
    answers: list[Record],
    picture: Path | None,
    run: Run,
) -> str | None:
    """Where the preparation was drawn; answers from a run that may not be written count, too."""
    try:
        return _draw(voice, prepared, answers, picture or run.folder / "predict.png")
    except PellucidError as error:
        if picture is not None:
            raise
        voice.log.print(f"Not drawn: {error.where}: {error.found}", markup=False, soft_wrap=True)
        return None


def _draw(
    voice: Voice, prepared: dict[str, Prepared], answers: list[Record], path: Path
) -> str | None:
    """One row a file: the picture as read, each step of its preparation, what the network sees."""
    if not prepared:
        return None
    from pellucid.base.records import write_bytes
    from pellucid.report.pictures import strip

    rows = []
    for answer in answers[:SHOWN]:
        steps: list[tuple[str, NDArray[Any]]] = list(prepared[answer["file"]].steps)
        name = Path(answer["file"]).name
        steps[0] = (f"{name}, {steps[0][0]}", steps[0][1])
        steps.append((f"read as {_likeliest(answer, 1)[0]}", steps[-1][1]))
        rows.append(strip(steps))
    write_bytes(path, _stacked(rows))
    more = f" (the first {SHOWN} files)" if len(answers) > SHOWN else ""
    voice.people.print(f"How the network got to see them{more}:  {path}", markup=False)
    return str(path)


def _stacked(rows: list[bytes]) -> bytes:
    """PNG pictures one below another as one PNG."""
    if len(rows) == 1:
        return rows[0]
    import io

    from PIL import Image

    pictures = [Image.open(io.BytesIO(row)).convert("RGB") for row in rows]
    size = max(one.width for one in pictures), sum(one.height for one in pictures)
    whole = Image.new("RGB", size, "white")
    top = 0
    for one in pictures:
        whole.paste(one, (0, top))
        top += one.height
    file = io.BytesIO()
    whole.save(file, "PNG")
    return file.getvalue()

"""``davsn.write_report``: one HTML page that shows runs: scores, curves, and players of what the networks predict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from davsn.core.console import say, silent
from davsn.core.errors import ConfigError, DavsnError
from davsn.core.plugins import Choice
from davsn.experiment.environment import environment
from davsn.experiment.experiment import Experiment
from davsn.experiment.reporting import Subject as Subject
from davsn.experiment.reporting import bad_frames, network_of, subjects_of
from davsn.experiment.showing import Extent, look
from davsn.experiment.trained import Trained, open_trained, settings_of
from davsn.networks.weights import holds_weights_alone
from davsn.report.content import Look, Network, RunReport
from davsn.report.page import write_page
from davsn.training.folder import RunFolder

WHOLE = Extent()
_SHOWN = 6
"""Number of networks whose predictions are shown; the tables hold all of them."""


def write_report(
    runs: Path | str | Sequence[Path | str],
    *,
    out: Path | str | None = None,
    clips: int = 10,
    frames: int = 24,
    own_code: bool = False,
    quiet: bool = False,
) -> Path:
    """Write one self-contained HTML page about runs: settings, scores, curves, and players of their predictions.

    The frames are those of the first run's validation sets; without any, of its target. A single run is shown beside
    the network that it started from, if that is at hand. Runs that differ only in the seed are shown as one.

    Args:
        runs: run folders, or folders of runs such as that of a sweep; the first one is what others are compared with.
        out: the page; None: ``report.html`` in the first folder.
        clips: largest number of clips that are shown.
        frames: largest number of frames of each.
        own_code: see :func:`davsn.load`.
        quiet: print neither progress nor messages.

    Returns:
        the file of the page.

    Raises:
        ConfigError: a folder holds no run, or the runs have different classes.
        CheckpointError: a run has saved no checkpoint yet.
        DataError: the page cannot be written.
    """
    folders = [Path(path) for path in ([runs] if isinstance(runs, str | Path) else runs)]
    mistakes = [] if folders else ["RUN  is missing: name at least one run folder"]
    mistakes += [
        f"--{name}  should be at least 1, but got {number}"
        for name, number in (("clips", clips), ("frames", frames))
        if number < 1
    ]
    if mistakes:
        raise ConfigError("davsn report", mistakes)
    page = Path(out) if out is not None else RunFolder(folders[0]).report
    with silent(quiet):
        subjects = subjects_of(folders, own_code)
        if len(subjects) == 1:
            subjects = [*_before(subjects[0], own_code), *subjects]
        report_on(subjects, page, extent=Extent(clips, frames), own_code=own_code)
    return page


def report_on(
    subjects: Sequence[Subject],
    page: Path,
    *,
    title: str = "",
    notes: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
    extent: Extent = WHOLE,
    own_code: bool = False,
) -> None:
    """Write the page about some networks; see :func:`write_report`.

    Args:
        subjects: the networks, in order.
        page: the file.
        title: the title; empty: the names of the networks.
        notes: sentences below the title.
        facts: further lines about how the page was made.
        extent: how much is shown of each set.
        own_code: see :func:`davsn.load`.
    """
    networks = [network_of(subject) for subject in subjects]
    opened = [_opened(subject, subjects, own_code) for subject in subjects[:_SHOWN]]
    taxonomy = opened[0].taxonomy
    others = [
        f"{subject.name}  has the classes {', '.join(one.taxonomy.names)}, but {subjects[0].name} has "
        f"{', '.join(taxonomy.names)}. Write a report for each"
        for subject, one in zip(subjects, opened, strict=False)
        if one.taxonomy.names != taxonomy.names
    ]
    if others:
        raise ConfigError("davsn report", others)
    networks = [
        replace(network, criteria=one.criteria) if one is not None and one.criteria else network
        for network, one in zip(networks, [*opened, *[None] * len(networks)], strict=False)
    ]
    looks, missing = _looks(subjects, opened, extent)
    more = [] if len(subjects) <= _SHOWN else [f"The predictions of the first {_SHOWN} networks are shown."]
    content = RunReport(
        title or f"Report: {', '.join(network.name for network in networks)}",
        networks,
        taxonomy,
        looks,
        [*notes, *_unscored(networks), *more, *missing],
        {**(facts or {}), "written": date.today().isoformat(), **environment()},
    )
    write_page(content, page)


def try_report(subjects: Sequence[Subject], page: Path, **options: object) -> Path | None:
    """Write a report at the end of another command. A failure is a warning, since the run itself is saved.

    Args:
        subjects: see :func:`report_on`.
        page: the file.
        options: see :func:`report_on`.

    Returns:
        the page; None if it could not be written.
    """
    try:
        report_on(subjects, page, own_code=True, **options)  # type: ignore[arg-type]  # as documented there
    except Exception as error:  # a report is not worth a run, whatever went wrong
        say(f"Warning: no report was written: {error}. The run is saved; try again with davsn report", "yellow")
        return None
    return page


def run_subjects(folder: Path) -> list[Subject]:
    """The network of a run, after the one that it started from if that is at hand."""
    (subject,) = subjects_of([folder], own_code=True)
    return [*_before(subject, own_code=True), subject]


def _before(subject: Subject, own_code: bool) -> list[Subject]:
    """Find the network that a run started from; without one, the source-only network beside it."""
    start = subject.runs[0].start or subject.folders[0] / "source_only"
    name = f"before: {start.name}"
    if not start.exists():
        return []
    if holds_weights_alone(start):
        return [Subject((), name, model=start)]
    folder = RunFolder.of(start).path
    try:
        return [Subject((folder,), name, model=start, runs=(settings_of(folder, own_code),))]
    except DavsnError:  # for example a checkpoint that was copied elsewhere, without its run
        return [Subject((), name, model=start)]


def _opened(subject: Subject, subjects: Sequence[Subject], own_code: bool) -> Trained:
    """Open a network. A weights file takes the settings of the run that started from it."""
    path = subject.model or subject.folders[0]
    recipe = next((other.runs[0] for other in subjects if other.runs), None) if holds_weights_alone(path) else None
    return open_trained(path, own_code, recipe)


def _unscored(networks: Sequence[Network]) -> list[str]:
    names = [network.name for network in networks if not any(network.scores.values())]
    if not names:
        return []
    return [f"There are no scores of {', '.join(names)}. With labelled video, davsn eval writes them."]


def _looks(subjects: Sequence[Subject], opened: Sequence[Trained], extent: Extent) -> tuple[list[Look], list[str]]:
    """Look at every set; what cannot be read becomes a sentence."""
    shown = next(subject.runs[0] for subject in subjects if subject.runs)
    sets, labelled = _sets(next((run for subject in subjects for run in subject.runs if run.validation), shown))
    each = Extent(max(extent.clips // max(len(sets), 1), 1), extent.frames)
    looks, missing = [], []
    for name, part in sets.items():
        own = {
            number: (one, _part(subject, name, part))
            for number, (subject, one) in enumerate(zip(subjects, opened, strict=False))
        }
        try:
            looks.append(look(name, own, each, labelled, bad_frames(subjects, name)))
        except DavsnError as error:
            missing.append(f"The frames of {name} are not shown: {error}")
    return [one for one in looks if one.footage], missing


def _sets(experiment: Experiment) -> tuple[Mapping[str, Choice], bool]:
    """The sets to show, and whether they have labels: the validation sets, else the target, else the source."""
    if experiment.validation:
        return experiment.validation, True
    if experiment.target is not None:
        return {"target": experiment.target}, False
    return {"source": experiment.source}, True


def _part(subject: Subject, name: str, part: Choice) -> Choice:
    """A set with the run's own settings, such as its size; those of the first run for a run that lacks it."""
    return subject.runs[0].validation.get(name, part) if subject.runs else part

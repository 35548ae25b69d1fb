"""``davsn.write_report`` reads runs as they are on disk: with seeds, a start, no labels, or without their data."""

import json
import re
import shutil

import pytest
import yaml

import davsn
from davsn.api import report as reports
from davsn.core.errors import CheckpointError, ConfigError
from davsn.experiment.reporting import bad_frames, network_of, subjects_of


@pytest.fixture(name="copy")
def _copy(run, tmp_path):
    """Copies the finished run, with other settings in its file; None removes one."""

    def copy(name, **changes):
        folder = tmp_path / name
        shutil.copytree(run.folder, folder)
        settings = yaml.safe_load((folder / "settings.yaml").read_text())
        settings |= changes
        kept = {key: value for key, value in settings.items() if value is not None}
        (folder / "settings.yaml").write_text(yaml.safe_dump(kept))
        return folder

    return copy


def players(page):
    blocks = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page.read_text(), re.DOTALL)
    return [json.loads(block) for block in blocks]


def test_a_finished_run_is_shown_with_its_frames_scores_and_settings(run, tmp_path, capsys):
    page = davsn.write_report(run.folder, out=tmp_path / "page.html", frames=3, quiet=True)
    assert capsys.readouterr().out == ""
    text, shown = page.read_text(), players(page)
    assert [len(player["steps"]) for player in shown] == [3, 3]
    assert {"frame", "label", "mask0", "wrong0", "flow"} <= shown[0]["layers"].keys()
    assert f"{run.scores['camera'].miou:.2f}" in text
    assert "da_vsn" in text
    assert "discriminator_width" in text
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["davsn"] == davsn.__version__
    assert environment["device"] in text


def test_the_page_stands_in_the_first_folder(copy):
    folder = copy("mine")
    assert davsn.write_report([folder], clips=1, frames=1, quiet=True) == folder / "report.html"


def test_runs_that_differ_in_the_seed_alone_are_one_network(copy):
    folders = [copy(f"tps-{seed}", seed=seed) for seed in range(2)]
    other = copy("other", training={"steps": 3, "batch_size": 1})
    found = subjects_of([*folders, other])
    assert [(subject.name, len(subject.folders)) for subject in found] == [("tps", 2), ("other", 1)]
    network = network_of(found[0])
    assert network.facts["seeds"] == "0, 1"
    assert len(network.scores["camera"]) == 2
    assert [subject.name for subject in subjects_of([folders[0].parent])] == ["other", "tps"]


def test_scores_by_another_protocol_are_read_too(copy):
    folder = copy("mine")
    scores = json.loads((folder / "scores_camera.json").read_text())
    (folder / "scores_camera_unified.json").write_text(json.dumps({**scores, "protocol": "unified"}))
    found = network_of(subjects_of([folder])[0]).scores
    assert [one.scores.protocol for several in found.values() for one in several] == ["davsn", "unified"]
    assert list(found) == ["camera", "camera_unified"]


def test_bad_frames_are_those_of_the_tables_beside_the_scores(copy):
    tables = {
        "one": "frame,pixel_accuracy,flicker\na/0,50,\na/1,40,9\na/2,60,1\n",
        "two": "frame,pixel_accuracy\na/0,\na/1,30\na/2,20\n",
        "three": "something else",
        "four": None,
    }
    for name, text in tables.items():
        folder = copy(name)
        if text is not None:
            (folder / "scores_camera_frames.csv").write_text(text)
    found = bad_frames(subjects_of([folder.parent / name for name in tables]), "camera")
    # the most wrong frames of two and one, the most flickering one of one; then the second ones
    assert found == ["a/2", "a/1", "a/1", "a/1", "a/0", "a/2", "a/2"]


def test_the_same_seed_twice_stays_two_networks(copy):
    found = subjects_of([copy("one"), copy("two")])
    assert [subject.name for subject in found] == ["one", "two"]


def test_a_single_run_is_shown_beside_the_network_that_it_started_from(copy):
    folder = copy("after", start=str(copy("first")))
    page = davsn.write_report(folder, clips=1, frames=2, quiet=True)
    assert "before: first" in page.read_text()
    assert {"mask0", "mask1"} <= players(page)[0]["layers"].keys()


def test_a_start_may_be_weights_alone(copy, run, tmp_path):
    davsn.export(run.folder, tmp_path / "weights.safetensors")
    folder = copy("after", start=str(tmp_path / "weights.safetensors"))
    text = davsn.write_report(folder, clips=1, frames=1, quiet=True).read_text()
    assert "before: weights.safetensors" in text
    assert "There are no scores of before: weights.safetensors" in text


def test_without_validation_the_target_is_shown_before_and_after(copy):
    first = copy("first", validation=None)
    folder = copy("after", validation=None, start=str(first))
    page = davsn.write_report(folder, clips=1, frames=2, quiet=True)
    layers = players(page)[0]["layers"]
    assert {"mask0", "mask1"} <= layers.keys()
    assert not {"label", "wrong0"} & layers.keys()
    assert "information, × 100" in page.read_text()


def test_without_its_data_a_run_still_has_a_page(copy, tmp_path):
    folder = copy("moved", validation={"camera": {"name": "folder", "root": str(tmp_path / "gone")}})
    text = davsn.write_report(folder, quiet=True).read_text()
    assert "The frames of camera are not shown" in text
    assert 'id="curves"' in text


def test_a_folder_with_a_hostile_name_is_text(copy):
    folder = copy("<script>alert(1)<")
    text = davsn.write_report(folder, clips=1, frames=1, quiet=True).read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;" in text


def test_mistakes_are_told_together(tmp_path):
    with pytest.raises(ConfigError) as error:
        davsn.write_report([], clips=0, frames=0)
    assert len(error.value.mistakes) == 3
    with pytest.raises(ConfigError) as error:
        davsn.write_report([tmp_path / "a", tmp_path])
    assert len(error.value.mistakes) == 2
    assert "holds no run" in str(error.value)


def test_runs_of_other_classes_and_runs_without_a_checkpoint_are_errors(copy, monkeypatch):
    folders = [copy("one"), copy("two")]
    opened = reports.open_trained

    def other(path, *rest):
        found = opened(path, *rest)
        names = [f"{name}?" for name in found.taxonomy.names] if path.name == "two" else found.taxonomy.names
        return type(found)(
            found.segmenter, type(found.taxonomy)(tuple(names), found.taxonomy.colours), found.experiment, 3
        )

    monkeypatch.setattr(reports, "open_trained", other)
    with pytest.raises(ConfigError, match="Write a report for each"):
        davsn.write_report(folders, quiet=True)
    monkeypatch.undo()
    shutil.rmtree(folders[1] / "checkpoints")
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        davsn.write_report(folders, quiet=True)


def test_a_report_that_fails_is_a_warning_after_a_run(run, tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(reports, "write_page", fail)
    subjects = reports.run_subjects(run.folder)
    assert reports.try_report(subjects, tmp_path / "page.html", extent=reports.Extent(1, 1)) is None
    assert "no report was written: disk on fire. The run is saved" in capsys.readouterr().out

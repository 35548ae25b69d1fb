"""The checkpoints of a run that are scored: each once, in order, also while there are more to come."""

import shutil

from davsn.experiment import scoring_checkpoints
from davsn.experiment.scoring_checkpoints import content_of, follow
from davsn.training import checkpoint


def saved(folder, name, content="x"):
    (folder / "checkpoints").mkdir(exist_ok=True)
    temporary = folder / "checkpoints" / ".new"
    temporary.write_text(content)
    temporary.replace(folder / "checkpoints" / name)


def test_every_checkpoint_comes_once_in_order(tmp_path):
    assert list(follow(tmp_path, 20, watch=False)) == []
    for name in ("step_0000020.pt", "best.pt", "step_0000003.pt", ".step_0000030.1.writing.pt", "note.txt"):
        saved(tmp_path, name)
    names = [path.name for path in follow(tmp_path, 20, watch=False)]
    assert names == ["step_0000003.pt", "step_0000020.pt", "best.pt"]
    assert [path.name for path in follow(tmp_path, 20, watch=True)] == names  # ends: the last step is there


def test_watching_waits_for_the_last_step_and_sees_replaced_files(tmp_path, monkeypatch):
    steps = iter((1, 2, 3))

    def train_instead(seconds):
        assert seconds == scoring_checkpoints.POLL
        step = next(steps)  # to sleep once more than there are steps would fail here
        saved(tmp_path, "best.pt", f"best {step}")
        saved(tmp_path, f"step_000000{step}.pt")

    monkeypatch.setattr(scoring_checkpoints.time, "sleep", train_instead)
    saved(tmp_path, "step_0000000.pt")
    seen = [path.name for path in follow(tmp_path, 3, watch=True)]
    later = [name for step in (1, 2, 3) for name in (f"step_000000{step}.pt", "best.pt")]
    assert seen == ["step_0000000.pt", *later]


def test_watching_waits_until_a_checkpoint_is_finished_and_judged(tmp_path, monkeypatch):
    def complete_instead(seconds):
        checkpoint.save(tmp_path / "checkpoints", 3, {"complete": True}, keep=1)

    monkeypatch.setattr(scoring_checkpoints.time, "sleep", complete_instead)
    path = checkpoint.save(tmp_path / "checkpoints", 3, {"complete": False}, keep=1)
    assert [checkpoint.load(found)["complete"] for found in follow(tmp_path, 3, watch=True)] == [True]
    checkpoint.save(tmp_path / "checkpoints", 3, {"complete": False}, keep=1)
    assert list(follow(tmp_path, 3, watch=False)) == [path]  # of a run that is over, it is what there is


def test_content_is_what_counts(tmp_path):
    for name, content in (("a", b"1" * (1 << 21)), ("b", b"2" * (1 << 21))):
        (tmp_path / name).write_bytes(content)
    shutil.copy(tmp_path / "a", tmp_path / "c")
    assert content_of(tmp_path / "a") == content_of(tmp_path / "c") != content_of(tmp_path / "b")

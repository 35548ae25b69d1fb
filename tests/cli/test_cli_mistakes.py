"""A user's mistake ends with exit code 2 and a sentence that says what to do; never with a traceback."""

import shutil

import pytest


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["train", "nowhere.yaml"], ["nowhere.yaml has a mistake:", "no such file"]),
        (["train", "tiny"], ["no recipe of that name", "there are: adapt"]),
        (
            ["train", "tiny.yaml", "method.consistency=1", "source.root=gamme", "training.steps=x"],
            [
                "tiny.yaml has 3 mistakes:",
                "  source.root  'gamme' does not exist. Expected: the folder that holds the folders",
                "  method.consistency  unknown key. Did you mean 'consistency_weight'?",
                "  training.steps  input should be a valid integer, but got 'x'",
            ],
        ),
        (["train", "tiny.yaml", "steps"], ["steps  should read key=value, such as"]),
        (["train", "tiny.yaml", "training.device=cuda9x", "-o", "new"], ["training.device  it has no 'cuda9x'"]),
        (["train", "tiny.yaml", "method=./tiny.yaml"], ["there is no Method './tiny.yaml'"]),
        (["train", "tiny.yaml", "validation.camera.classes=other.yaml", "-o", "new"], ["has the classes", "cat, dog"]),
        (["check", "tiny.yaml", "source.root=gamme"], ["source.root  'gamme' does not exist"]),
        (["eval", "runs/none"], ["runs/none does not exist. Give a checkpoint, or a run's folder"]),
        (["eval", "game"], ["game holds no checkpoint yet"]),
        (["eval", "tiny.yaml"], ["tiny.yaml cannot be read as a checkpoint"]),
        (["eval", "runs/tiny", "--data", "nowhere"], ["root  'nowhere' does not exist"]),
        (["eval", "runs/tiny", "--data", "game", "framez=x"], ["framez  unknown key. Did you mean 'frames'?"]),
        (["predict", "runs/tiny", "nowhere.mp4", "-o", "out.mp4"], ["nowhere.mp4: no such file or folder"]),
        (["predict", "runs/tiny", "tiny.yaml", "-o", "out.mp4"], ["is neither a video nor an image by its suffix"]),
        (
            ["predict", "runs/tiny", "drive.mp4", "-o", "out.mp4", "--flow", "diss"],
            ["there is no FlowEstimator 'diss'. Did you mean 'dis'?"],
        ),
        (["streets", "game"], ["game: is not an empty folder"]),
        (
            ["streets", "new", "domain=gamme"],
            ["domain  input should be 'game', 'camera' or 'dashcam', but got 'gamme'"],
        ),
        (["adapt", "--source", "nowhere", "--target", "camera"], ["source.root  'nowhere' does not exist"]),
        (["adapt", "--source", "game", "--target", "nowhere"], ["target.root  'nowhere' does not exist"]),
        (["adapt", "--target", "drvie.mp4"], ["target.paths  'drvie.mp4' does not exist", "Did you mean 'drive.mp4'?"]),
        (["adapt", "--source", "game", "--target", "camera", "game"], ["takes one folder of frames, or any number"]),
        (["adapt", "--source", "game", "--target", "drive.mp4", "--method", "davsn"], ["Did you mean 'da_vsn'?"]),
        (["adapt", "--source", "game", "--target", "tiny.yaml"], ["tiny.yaml"]),
        (["adapt", "--source", "empty", "--target", "camera"], ["holds no frames"]),
        (
            ["adapt", "--source", "unlabelled", "--target", "drive.mp4"],
            ["unlabelled: the source folder has no labels to learn from. Label maps are expected in labels/CLIP/NAME"],
        ),
    ],
    ids=lambda value: "-".join(value[:4]) if isinstance(value, list) else None,
)
def test_a_mistake(davsn, world, trained, arguments, texts):
    (world / "empty").mkdir(exist_ok=True)
    if not (world / "unlabelled").exists():
        shutil.copytree(world / "game" / "frames", world / "unlabelled")
    (world / "other.yaml").write_text("classes: [{name: cat, color: [0, 0, 0]}, {name: dog, color: [1, 1, 1]}]")
    before = {path for path in world.rglob("*") if path.is_file()}
    code, _, err = davsn(world, *arguments)
    assert code == 2
    for text in texts:
        assert text in err
    left = {path for path in world.rglob("*") if path.is_file()} - before
    assert not left  # nothing was begun


def test_other_settings_in_a_run_that_is_there(davsn, world, trained):
    code, _, err = davsn(world, "train", "tiny.yaml", "seed=4", "-o", "runs/tiny")
    assert code == 2
    assert "runs/tiny holds a run with other settings (choose another --out, or delete it)" in err
    assert "seed  is 0 there and 4 here" in err


@pytest.mark.usefixtures("unrehearsed")
def test_a_damaged_frame_is_named_by_check_and_by_training(davsn, world, tmp_path):
    shutil.copytree(world / "game", tmp_path / "game")
    frame = sorted((tmp_path / "game" / "frames").rglob("*.png"))[1]
    frame.write_bytes(frame.read_bytes()[:200])
    code, out, _ = davsn(world, "check", "tiny.yaml", f"source.root={tmp_path / 'game'}", "--all", "-o", "new")
    assert code == 2
    (line,) = (line for line in out.splitlines() if line.startswith("fatal"))
    assert line.startswith(f"fatal    source  {frame}: is a truncated or damaged image")
    assert line.endswith(". Copy or render the file again")
    assert out.endswith("1 of 3 would stop training.\n")
    changes = [f"source.root={tmp_path / 'game'}", "training.steps=20", "validation={}"]
    code, _, err = davsn(world, "train", "tiny.yaml", *changes, "-o", tmp_path / "run")
    assert code == 2
    assert f"{frame}: is a truncated or damaged image" in err


def test_a_loss_that_is_no_number_ends_in_words(davsn, world, tmp_path):
    changes = ["optimiser.learning_rate=1e30", "training.clip=null", "training.steps=30", "method=source_only"]
    code, _, err = davsn(world, "train", "tiny.yaml", *changes, "-o", tmp_path / "run")
    assert code == 2
    assert "is not a finite number, on " in err
    assert "Lower optimiser.learning_rate" in err

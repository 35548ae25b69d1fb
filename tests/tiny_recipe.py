"""Settings of runs that take a moment."""

TINY = [
    "network.encoder=test_efficientnet",
    "network.width=8",
    "network.weights=null",
    "training.batch_size=2",
    "training.workers=0",
    "training.device=cpu",
]
RECIPE = {
    "name": "tiny",
    "source": {"name": "folder", "root": "game"},
    "target": {"name": "folder", "root": "camera", "labels": None},
    "validation": {"camera": {"name": "folder", "root": "camera", "missing": "repeat"}},
    "network": {"name": "light", "encoder": "test_efficientnet", "width": 8, "weights": None},
    "method": {"name": "da_vsn", "discriminator_width": 4},  # checkpoints of 2 MB, not of 134
    "optimiser": {"name": "adamw"},
    "training": {"steps": 3, "batch_size": 2, "save_every": 2, "log_every": 1, "workers": 0, "device": "cpu"},
}

"""What two processes gain over one on the same machine, and what the exchange of gradients costs.

Run: python -m benchmarks.costs.ranks [--rounds 5] [--size 320 160] [--save]
A step of source_only with a batch of four, on random frames: one process with two threads, and two processes with one
thread each, over gloo. Seconds are those on the clock, medians of the rounds, after two steps that are not counted; so
the machine must be idle. The exchange is the average of all gradients in one piece, after the last backward pass. It is
the most that an exchange beside the backward passes could save.
"""

import argparse
import os
import socket
import statistics
import time
from multiprocessing import Queue, get_context
from typing import Any

import torch

from benchmarks.costs.training_settings import NETWORKS, batch, trainer_of
from benchmarks.records import commit, write
from davsn.core import ranks


def measure(network: str, size: tuple[int, int], rounds: int) -> dict[str, float]:
    """The seconds of a step of this process, and the seconds in it in which gradients are exchanged."""
    trainer, source = trainer_of([network]), batch(size).split(ranks.world())[ranks.rank()]
    spent, exchange = list[float](), ranks.average_gradients

    def timed(parameters: list[torch.Tensor]) -> None:
        begun = time.perf_counter()
        exchange(parameters)
        spent.append(time.perf_counter() - begun)

    ranks.average_gradients = timed  # type: ignore[assignment]
    seconds = []
    for _ in range(rounds + 2):
        ranks.sums(0)  # both begin at once
        begun = time.perf_counter()
        trainer.step(source, None)
        seconds.append(time.perf_counter() - begun)
    ranks.average_gradients = exchange
    return {"step": statistics.median(seconds[2:]), "exchange": statistics.median(spent[2:])}


def work(rank: int, world: int, port: int, asked: tuple[str, tuple[int, int], int], found: "Queue[Any]") -> None:
    """What each process does."""
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(2 // world)
    with ranks.joined():
        result = measure(*asked)
        if rank == 0:
            found.put(result)


def by(world: int, *asked: Any) -> dict[str, float]:
    """Measure with this number of processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = get_context("spawn")
    found = context.Queue()
    processes = [context.Process(target=work, args=(rank, world, port, asked, found)) for rank in range(world)]
    for process in processes:
        process.start()
    result: dict[str, float] = found.get(timeout=1800)
    for process in processes:
        process.join()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 160), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    code, rows, size = commit(), list[dict[str, Any]](), (given.size[1], given.size[0])
    for name, network in NETWORKS.items():
        one, two = (by(world, network, size, given.rounds) for world in (1, 2))
        seconds = {"one": one["step"], "two": two["step"], "exchange": two["exchange"]}
        rows.append({"network": name, **{key: round(value, 4) for key, value in seconds.items()}})
        print(rows[-1], flush=True)
    if given.save:
        settings = {"width": given.size[0], "height": given.size[1], "samples": 4, "rounds": given.rounds}
        write("ranks", "One process and two", settings, code, rows=rows)


if __name__ == "__main__":
    main()

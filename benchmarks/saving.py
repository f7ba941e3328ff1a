"""Cost of saving the state: one save, relative to the steps between two saves.

python benchmarks/saving.py TEXT [--rounds 9] [--json]
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from charrnn.corpus.options import CorpusOptions
from charrnn.corpus.store import build_corpus
from charrnn.training.devices.backend import prepare_backend
from charrnn.training.learn.trainer import Trainer
from charrnn.training.recipe.defaults import resolve
from charrnn.training.recipe.settings import Settings
from charrnn.training.run.budget import Budget
from charrnn.training.run.files import SAVING_SHARE
from charrnn.training.run.progress import LoopState
from charrnn.training.run.session import SAVE_EVERY
from charrnn.training.run.state import STATE_NAME, RunState, write_state

STEPS = 10  # between saves


def main() -> None:
    """Alternate between steps of the default model and saves; print medians and the share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        corpus = build_corpus(directory, [arguments.text], CorpusOptions())
        settings = Settings(time=300.0)
        recipe = resolve(settings, num_chars=corpus.num_train, vocab_size=corpus.vocabulary.size)
        backend = prepare_backend(recipe.device, recipe.precision, recipe.threads)
        budget = Budget(recipe.time, None, time.monotonic())
        trainer = Trainer(recipe, backend, corpus.train, corpus.val, budget)
        stepping, saving = [], []
        for number in range(arguments.rounds + 1):
            begin = time.perf_counter()
            for _ in range(STEPS):
                trainer.advance(0.5)
            between = time.perf_counter()
            state = RunState(
                recipe=recipe,
                options=CorpusOptions(),
                fingerprint="",
                backend=backend.to_json(),
                step=trainer.step,
                chars=trainer.chars,
                loop_state=LoopState(0),
                used=budget.to_json(),
                saved_at=time.time(),
                arrays=trainer.state_arrays(),
            )
            write_state(directory / STATE_NAME, state)
            end = time.perf_counter()
            if number:  # the first round is warm-up
                stepping.append((between - begin) / STEPS)
                saving.append(end - between)
        megabytes = (directory / STATE_NAME).stat().st_size / 1e6
    step, save = statistics.median(stepping), statistics.median(saving)
    interval = max(SAVE_EVERY, save / SAVING_SHARE)
    values = {
        "state_megabytes": megabytes,
        "step_seconds": step,
        "save_seconds": save,
        "slowest_save_seconds": max(saving),
        "save_in_steps": save / step,
        "share_of_a_run": save / (interval + save),
    }
    if arguments.json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        print(f"{name.replace('_', ' '):24}{value:10.5f}")


if __name__ == "__main__":
    main()

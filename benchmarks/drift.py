"""
``python -m benchmarks.drift``: how soon the monitor sees which drift, and how often it is wrong.

A model is trained on a part of the bundled sample; see ``benchmarks.drifts``. False alarms are
counted over many ways to part test images and traffic into a reference and windows, each window
without an image of another; all else by windows drawn from the images left for traffic.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks import drifts
from benchmarks.drifts import Drift, Pixels, Pool
from benchmarks.results import ROOT, append, table
from data_checks.drift.answers import Answers
from data_checks.drift.rules import STATISTICS, DriftRules
from data_checks.drift.window import judged
from model.brightness import brightness
from model.scorer import Scorer

KINDS = (
    drifts.darker(0.9), drifts.darker(0.8), drifts.darker(0.6),
    drifts.noisy(8), drifts.noisy(16), drifts.noisy(32),
    drifts.blurred(0.5), drifts.blurred(1),
    drifts.rotated(), drifts.mirrored(),
    drifts.more_of("Bag", 0.2), drifts.more_of("Bag", 0.3), drifts.more_of("Bag", 0.5),
    drifts.unknown(0.1), drifts.unknown(0.2), drifts.unknown(0.5),
)  # fmt: skip


def main() -> None:
    """Train, measure, print, and note the tables in results.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument("--partings", type=int, default=250, help="for false alarms [%(default)s]")
    parser.add_argument("--windows", type=int, default=60, help="of each drift [%(default)s]")
    parser.add_argument("--dry", action="store_true", help="print only")
    given = parser.parse_args()
    rules = DriftRules()
    with tempfile.TemporaryDirectory() as place:
        pool, folder = trained(Path(place))
        scorer = Scorer(folder, threads=2)
        reference = known(folder)
        wrong = false_alarms(reference, answers(scorer, pool.pixels), rules, given.partings)
        print(wrong, flush=True)
        rows = []
        for kind in KINDS:
            rows.append(seen(kind, pool, scorer, reference, rules, given.windows))
            print(rows[-1], flush=True)
    columns = ("drift", *STATISTICS, "a window", "images until an alarm")
    text = f"{wrong}\n\n{table(columns, rows)}"
    print(f"\n{text}")
    if not given.dry:
        words = f"python -m benchmarks.drift --partings {given.partings} --windows {given.windows}"
        append("what the monitor sees", text, words)


def trained(place: Path) -> tuple[Pool, Path]:
    """The images left for traffic, and the model folder."""
    pool = drifts.part_sample(place / "sample.parquet")
    words = ("--data", str(place / "sample.parquet"), "--out", str(place / "out"))
    subprocess.run(
        [sys.executable, "-m", "model.train", *words], cwd=ROOT, check=True, stdout=sys.stderr
    )
    return pool, place / "out"


def known(folder: Path) -> Answers:
    """The answers to the test images, as the trainer left them."""
    import pyarrow.parquet as parquet

    found = parquet.read_table(folder / "predictions.parquet")
    flat = found["probabilities"].combine_chunks().flatten().to_numpy()
    return Answers(
        flat.reshape(len(found), -1), found["mean"].to_numpy(), found["deviation"].to_numpy()
    )


def answers(scorer: Scorer, pixels: Pixels) -> Answers:
    """What the service would capture of these images."""
    parts = [scorer.predict(pixels[at : at + 250]) for at in range(0, len(pixels), 250)]
    features = np.array([brightness(image) for image in pixels])
    return Answers(np.concatenate(parts), features[:, 0], features[:, 1])


def false_alarms(reference: Answers, traffic: Answers, rules: DriftRules, partings: int) -> str:
    """Share of windows without drift that look drifted, by statistic and by any."""
    whole = Answers(
        np.concatenate([reference.probabilities, traffic.probabilities]),
        np.concatenate([reference.mean, traffic.mean]),
        np.concatenate([reference.deviation, traffic.deviation]),
    )
    random = np.random.default_rng(1)
    flagged: Counter[str] = Counter()
    windows, beyond = 0, 0
    for _ in range(partings):
        order = random.permutation(len(whole))
        ours = whole.take(order[: len(reference)])
        for begin in range(len(reference), len(whole) - rules.window + 1, rules.window):
            found = judged(ours, whole.take(order[begin : begin + rules.window]), rules, random)
            level = rules.false_alarms / len(found)
            flagged.update(each.statistic for each in found if each.is_drifted)
            flagged["any"] += any(each.is_drifted for each in found)
            beyond += any(each.p_value <= level for each in found)
            windows += 1
    shares = ", ".join(f"{name} {flagged[name] / windows:.2%}" for name in (*STATISTICS, "any"))
    return (
        f"Of {windows:,} windows without drift looked drifted: {shares}; beyond chance, whether it "
        f"mattered or not, lay {beyond / windows:.2%}."
    )


def seen(
    kind: Drift, pool: Pool, scorer: Scorer, reference: Answers, rules: DriftRules, windows: int
) -> tuple[str, ...]:
    """In which share of the windows each statistic drifted, and the median images until k of n."""
    random = np.random.default_rng(2)
    flagged: Counter[str] = Counter()
    each_window: list[set[str]] = []
    for _ in range(windows):
        pixels = kind.draw(pool, rules.window, random)
        found = judged(reference, answers(scorer, pixels), rules, random)
        each_window.append({each.statistic for each in found if each.is_drifted})
        flagged.update(each_window[-1])
    shares = (f"{flagged[name] / windows:.0%}" for name in STATISTICS)
    any_share = sum(map(bool, each_window)) / windows
    return (kind.name, *shares, f"{any_share:.0%}", _until_alarm(each_window, rules))


def _until_alarm(windows: list[set[str]], rules: DriftRules) -> str:
    """Median over the windows at which the drift might begin."""
    counts = [_first_alarm(windows[begin:], rules) for begin in range(len(windows) // 2)]
    median = float(np.median([count or np.inf for count in counts]))
    return f"{median * rules.window:,.0f}" if np.isfinite(median) else "not seen"


def _first_alarm(windows: list[set[str]], rules: DriftRules) -> int:
    for count in range(1, len(windows) + 1):
        newest = windows[max(0, count - rules.of) : count]
        if any(sum(name in each for each in newest) >= rules.drifting for name in STATISTICS):
            return count
    return 0


if __name__ == "__main__":
    main()

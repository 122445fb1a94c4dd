# %% [markdown]
# # Explore data, mistakes and drift
#
# A notebook that uses the project's own functions, so what you see here is what a release sees.
# It is a Python file with cells: VS Code opens it as it is (*Run Cell* above each `# %%`), and
# for Jupyter, `.venv/bin/jupytext --to ipynb docs/notebooks/explore.py` makes a notebook of it.
# `make docs` runs it from top to bottom.

# %%
import sys
import tempfile
from pathlib import Path

ROOT = next(
    each for each in [Path.cwd(), *Path.cwd().parents] if (each / "pyproject.toml").exists()
)
sys.path.insert(0, str(ROOT))  # where the notebook was started from does not matter

DATA = str(ROOT / "model" / "sample" / "fashion-mnist.parquet")  # yours: a folder, Parquet, a URL
KEPT = tempfile.TemporaryDirectory(prefix="explore-")  # as long as the notebook is open
PLACE = Path(KEPT.name)

# %% [markdown]
# ## What is in the data?

# %%
from model.images import open_images

images = open_images(DATA)
print(f"{len(images):,} images in {len(images.labels)} classes, digest {images.digest()[:12]}")
print(", ".join(images.labels))

# %% [markdown]
# The checks of a release, on these images. They leave a row of facts for each image.

# %%
import pandas as pd

from data_checks.check import FACTS, check_images
from data_checks.limits import Limits

report = check_images(
    images.chunks(), labels=images.labels, limits=Limits.beside(DATA), out=PLACE / "checks"
)
checks = pd.DataFrame(report.checks)
print(checks[["name", "passed", "observed", "limit"]].to_string(index=False))

# %%
facts = pd.read_parquet(PLACE / "checks" / FACTS)
by_label = facts.groupby("label")[["mean", "deviation", "bytes"]].median().sort_values("mean")
print(by_label.round().astype(int).to_string())

# %% [markdown]
# Do classes differ in brightness alone? Then a model may learn the light and not the thing.

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 3.5))
axes.boxplot([facts.loc[facts["label"] == each, "mean"] for each in by_label.index], sym=".")
axes.set_xticks(range(1, len(by_label) + 1), by_label.index, rotation=30, ha="right")
axes.set_ylabel("mean intensity, 0 to 255")
plt.show()

# %% [markdown]
# ## Where is the model wrong?
#
# A quick model of two epochs, trained here. To look at the one that serves instead, set `FOLDER`
# to its folder below `.mlops/models/`.

# %%
from model.config import TrainConfig
from model.devices import before_tensorflow
from model.train import train

before_tensorflow()
FOLDER = PLACE / "model"
if not (FOLDER / "manifest.json").exists() and train(
    data=DATA, out=FOLDER, config=TrainConfig(epochs=2)
):
    raise RuntimeError("the trainer said why, above")

# %%
from model.evaluate import confusion, evaluate
from model.score import score_images

answers = score_images(FOLDER, images)
found = evaluate(answers, images.labels)
print(f"test accuracy {found.accuracy:.4f}")
for label, share in sorted(found.recall.items(), key=lambda each: each[1])[:3]:
    print(f"of {label}, {share:.0%} were found")

# %%
table = confusion(found.truth, found.predicted, len(images.labels))
figure, axes = plt.subplots(figsize=(6, 5))
axes.imshow(table, cmap="Blues")
for row, column in [(r, c) for r in range(len(table)) for c in range(len(table)) if table[r, c]]:
    colour = "white" if table[row, column] > table.max() / 2 else "black"
    axes.text(column, row, table[row, column], ha="center", va="center", color=colour, fontsize=7)
axes.set_xticks(range(len(table)), images.labels, rotation=40, ha="right")
axes.set_yticks(range(len(table)), images.labels)
axes.set_xlabel("answered")
axes.set_ylabel("is")
plt.show()

# %% [markdown]
# The mistakes of which it was surest. Some of them are its fault; some are labels that you would
# set otherwise.

# %%
from model.score import images_of, pixels_of

tested = list(images_of(images, "test"))
figure, rows = plt.subplots(2, 6, figsize=(10, 4))
for axes, place in zip(rows.flat, found.worst(12), strict=False):
    axes.imshow(pixels_of(tested[place], (28, 28, 1)).squeeze(), cmap="gray")
    sure = found.probabilities[place].max()
    axes.set_title(
        f"{images.labels[found.predicted[place]]} {sure:.0%}\nis {tested[place].label}", fontsize=8
    )
for axes in rows.flat:
    axes.axis("off")
plt.show()

# %% [markdown]
# ## Would drift be seen?
#
# A window of 250 images that fade, as under a lamp that grows old, judged as `python -m flows
# monitor` judges traffic: by its own statistics, beside the test images. Which of them notice,
# how early, and how much does the model suffer until then?

# %%
import numpy as np

from data_checks.drift.answers import Answers
from data_checks.drift.rules import DriftRules
from data_checks.drift.window import judged
from model.scorer import Scorer

scorer, rules = Scorer(FOLDER, threads=2), DriftRules()


def answers_to(pixels):
    """What is known of these images once the model has answered them."""
    parts = [scorer.predict(pixels[at : at + 32]) for at in range(0, len(pixels), 32)]
    return Answers(np.concatenate(parts), pixels.mean(axis=(1, 2, 3)), pixels.std(axis=(1, 2, 3)))


def pixels_from(raw):
    """Of images as they are stored."""
    return np.stack([pixels_of(image, (28, 28, 1)) for image in raw])


reference = answers_to(pixels_from(tested))
window = list(images_of(images, "train"))[::20][: rules.window]
truth = np.array([images.labels.index(image.label) for image in window])
rows = []
for light in (1.0, 0.95, 0.9, 0.8, 0.6, 0.4):
    darker = answers_to((pixels_from(window) * light).astype(np.uint8))
    distances = judged(reference, darker, rules, np.random.default_rng(0))
    rows.append(
        {"light": light, "accuracy": float(np.mean(darker.classes == truth))}
        | {each.statistic: each.distance for each in distances}
        | {"drifted by": ", ".join(each.statistic for each in distances if each.is_drifted)}
    )
drift = pd.DataFrame(rows)
print(drift.round(3).to_string(index=False))

# %%
figure, axes = plt.subplots(figsize=(7, 3.5))
for name in rules.looked_at[:4]:
    axes.plot(drift["light"], drift[name], "o-", label=name)
axes.plot(drift["light"], drift["accuracy"], "s--", color="black", label="accuracy")
axes.axhline(rules.min_psi, linestyle=":", color="gray", label="stability index that matters")
axes.set_ylim(0, 1)
axes.invert_xaxis()
axes.set_xlabel("light")
axes.legend(fontsize=8)
plt.show()

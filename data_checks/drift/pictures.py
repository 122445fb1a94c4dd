"""Pictures of drift: each statistic by time, and the classes that are answered."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from data_checks.drift.service import Look
from data_checks.drift.window import Window

BLUE, RED, GREY, PALE = "#2563eb", "#dc2626", "#94a3b8", "#dbeafe"
SHOWN = 120  # windows, the newest
MOST_CLASSES = 30


def by_time(windows: Sequence[Window], calls: Sequence[float]) -> bytes:
    """
    A PNG with a panel a statistic: distance with its interval, window by window.

    A dashed line is what matters; red is a window that drifted; a vertical line is a new version
    (grey) or a call for a retraining (red).
    """
    shown = windows[-SHOWN:]
    names = list(dict.fromkeys(d.statistic for window in shown for d in window.distances))
    figure = _figure(9, 1.7 * max(len(names), 1) + 0.5)
    if not shown:
        figure.text(0.5, 0.5, "no window yet", ha="center")
    panels = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, name, shown, calls)
    if names:
        panels[-1].set_xlabel("window, by the time at which it ended (UTC)")
        ticks = range(0, len(shown), max(1, len(shown) // 8))
        panels[-1].set_xticks(list(ticks), [_clock(shown[at].ended) for at in ticks], fontsize=7)
    return _png(figure)


def classes(labels: Sequence[str], reference: Sequence[float], windows: Sequence[Window]) -> bytes:
    """A PNG: share of each class among the answers, to the test images and in these windows."""
    now = np.mean([window.shares for window in windows], axis=0) if windows else np.zeros(0)
    order = np.argsort(-np.asarray(reference), kind="stable")[:MOST_CLASSES]
    figure = _figure(9, 3)
    axes = figure.add_subplot()
    at = np.arange(len(order))
    axes.bar(at - 0.2, np.asarray(reference)[order], 0.4, color=GREY, label="test images")
    if len(now):
        axes.bar(at + 0.2, now[order], 0.4, color=BLUE, label="newest windows")
    names = [labels[place] for place in order]
    axes.set_xticks(at, names, rotation=30 if len(order) <= 12 else 90, ha="right", fontsize=8)
    axes.set(title="share of each class among the answers")
    axes.legend(frameon=False, fontsize=8)
    _plain(axes)
    return _png(figure)


def runs(looks: Sequence[Look]) -> bytes:
    """A PNG with two panels: shares of requests that went wrong, and accuracy by delayed labels."""
    shown = looks[-SHOWN:]
    figure = _figure(9, 3.6)
    top, bottom = figure.subplots(2, 1, sharex=True)
    at = range(len(shown))
    for name, colour in (("fault_share", BLUE), ("error_share", RED), ("slow_share", GREY)):
        label = name.removesuffix("_share")
        top.plot(at, [getattr(each, name) for each in shown], ".-", color=colour, label=label, lw=1)
    top.set_title("shares of the requests", fontsize=9, loc="left")
    top.set_ylim(bottom=0)
    top.legend(frameon=False, fontsize=8, ncols=3)
    known = [place for place, each in enumerate(shown) if each.accuracy is not None]
    if known:
        bottom.fill_between(
            known, [shown[p].low for p in known], [shown[p].high for p in known], color=PALE, lw=0
        )
        bottom.plot(known, [shown[p].accuracy for p in known], ".-", color=BLUE, lw=1)
    else:
        bottom.text(0.5, 0.5, "too few delayed labels", ha="center", transform=bottom.transAxes)
    bottom.set_title("accuracy by delayed labels", fontsize=9, loc="left")
    bottom.set_ylim(0, 1)
    ticks = range(0, len(shown), max(1, len(shown) // 8))
    bottom.set_xticks(list(ticks), [_clock(shown[p].at) for p in ticks], fontsize=7)
    bottom.set_xlabel("run of the monitor (UTC)")
    for axes in (top, bottom):
        _plain(axes)
    return _png(figure)


def _panel(axes: Any, name: str, windows: Sequence[Window], calls: Sequence[float]) -> None:
    found = {
        at: distance
        for at, window in enumerate(windows)
        for distance in window.distances
        if distance.statistic == name
    }
    at = list(found)
    axes.fill_between(
        at, [d.low for d in found.values()], [d.high for d in found.values()], color=PALE, lw=0
    )
    axes.plot(at, [d.distance for d in found.values()], "-", color=BLUE, lw=1)
    colours = [RED if d.is_drifted else BLUE for d in found.values()]
    axes.scatter(at, [d.distance for d in found.values()], c=colours, s=14, zorder=3)
    axes.axhline(found[at[-1]].least, color=GREY, ls="--", lw=1)
    for place in range(1, len(windows)):
        before, after = windows[place - 1], windows[place]
        if before.model != after.model:
            axes.axvline(place - 0.5, color=GREY, lw=1)
        if any(before.ended <= call < after.ended for call in calls):
            axes.axvline(place - 0.5, color=RED, lw=1)
    axes.set_title(name, fontsize=9, loc="left")
    axes.set_ylim(bottom=0)
    _plain(axes)


def _clock(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%m-%d %H:%M}"


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # not pyplot: no window, no global state

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=90)
    return stream.getvalue()

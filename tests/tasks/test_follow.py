"""Following files that a program writes: every line once, to whom it is for."""

from __future__ import annotations

from tasks.backends.local.follow import Lines, follow


def test_each_file_is_told_to_its_own(tmp_path):
    epochs, notes = tmp_path / "epochs", tmp_path / "notes"
    heard: list[str] = []
    steps = iter([
        lambda: epochs.write_text("one\ntw"),
        lambda: notes.write_text("a worker was lost\n"),
        lambda: epochs.write_text("one\ntwo\n"),
    ])  # fmt: skip

    def is_alive() -> bool:
        step = next(steps, None)
        if step:
            step()
        return step is not None

    told = {epochs: lambda line: heard.append(f"epoch {line}"), notes: heard.append}
    follow(told, is_alive)

    assert heard == ["epoch one", "a worker was lost", "epoch two"]


def test_a_file_that_is_begun_anew_is_told_anew(tmp_path):
    file = tmp_path / "notes"
    lines = Lines(file)
    file.write_text("of the first run\nand more of it\n")
    assert len(list(lines.fresh())) == 2

    file.write_text("")  # as it is for a moment while it is written anew, longer
    assert list(lines.fresh()) == []
    file.write_text("of the first run\nand more of it\nand more\n")
    assert list(lines.fresh()) == ["and more"]
    file.write_text("of the second\n")

    assert list(lines.fresh()) == ["of the second"]

"""What a person says of a run is kept, whatever was in its file before."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cfd_studio.protocol.errors import CfdError
from cfd_studio.runs import atomic
from cfd_studio.runs.about import FILE, LONGEST_NOTES, About, change_about, read_about, tags_in
from cfd_studio.runs.catalog import summarize
from cfd_studio.runs.folder import RunFolder

MakeRun = Callable[..., RunFolder]


def test_a_change_keeps_what_else_is_said_and_names_the_run(mini_run: MakeRun) -> None:
    run = mini_run()
    assert read_about(run.path) == About()
    change_about(run.path, name="Grüße <b>1</b>", notes="first\n\tsecond")
    change_about(run.path, tags=("a", "b"))
    assert read_about(run.path) == About(name="Grüße <b>1</b>", notes="first\n\tsecond", tags=("a", "b"))
    summary = summarize(run.path)
    assert (summary.name, summary.about.tags) == ("Grüße <b>1</b>", ("a", "b"))
    change_about(run.path, name="")
    assert summarize(run.path).name == "Miniature"
    assert run.config().name == "Miniature"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"name": "x", "rating": 5}',
        b'{"name": "two\\nlines"}',
        b'{"tags": [""]}',
        json.dumps({"tags": [str(number) for number in range(21)]}).encode(),
        b'{"notes": "' + b"n" * 2**20 + b'"}',
    ],
)
def test_a_file_that_does_not_fit_says_nothing_and_is_kept_aside(mini_run: MakeRun, content: bytes) -> None:
    run = mini_run()
    (run.path / FILE).write_bytes(content)
    assert read_about(run.path) == About()
    assert summarize(run.path).name == "Miniature"
    assert change_about(run.path, notes="new") == read_about(run.path) == About(notes="new")
    assert [path.read_bytes() for path in run.path.glob("about.damaged-*.json")] == [content]


def test_a_link_is_not_followed(mini_run: MakeRun, tmp_path: Path) -> None:
    run, outside = mini_run(), tmp_path / "outside.json"
    outside.write_text('{"name": "dear"}')
    (run.path / FILE).symlink_to(outside)
    assert read_about(run.path) == About()
    change_about(run.path, name="mine")
    assert outside.read_text() == '{"name": "dear"}'
    assert not (run.path / FILE).is_symlink()


def test_what_cannot_be_saved_is_said_in_a_sentence_and_changes_nothing(
    mini_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = mini_run()
    change_about(run.path, notes="before")
    with pytest.raises(CfdError, match="100,000 characters"):
        change_about(run.path, notes="n" * (LONGEST_NOTES + 1))
    with pytest.raises(CfdError, match="cannot be saved"):
        change_about(tmp_path / "nowhere", notes="x")

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(atomic, "write_bytes", refuse)
    with pytest.raises(CfdError, match="Read-only file system") as refused:
        change_about(run.path, notes="after")
    assert str(run.path) in str(refused.value)
    assert read_about(run.path).notes == "before"


def test_tags_are_words_between_commas_each_once() -> None:
    assert tags_in(" baseline,, keep  this ,baseline,") == ("baseline", "keep this")
    many = tags_in(",".join(f"{number}-" + "x" * 100 for number in range(50)))
    assert About(tags=many).tags == many
    assert len(many) == 20

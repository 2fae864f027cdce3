"""Folders of images: what is found in them, in which order, and of which class."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfd_studio.data.folder import image_folder, list_images
from cfd_studio.data.source import DataError, Source, held_out_split, unwatched


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def _names(root: Path) -> list[str]:
    return [image.name.replace(os.sep, "/") for image in list_images(root, unwatched)]


def _open(root: Path) -> Source:
    return image_folder(root, list_images(root, unwatched), 0.5)


def test_images_come_in_the_order_in_which_a_person_numbers_them(tmp_path: Path) -> None:
    _touch(tmp_path, "img-10.png", "img-9.PNG", "Img-1.jpeg", "b/2.png", "b/10.png", "notes.txt", "img.png.bak")
    assert _names(tmp_path) == ["b/2.png", "b/10.png", "Img-1.jpeg", "img-9.PNG", "img-10.png"]


def test_each_sub_folder_is_a_class_however_deep_its_images_lie(tmp_path: Path) -> None:
    _touch(tmp_path, "class 10/a.png", "class 2/x/y/b.png", "class 2/c.png", "empty/notes.txt")
    source = _open(tmp_path)
    assert source.class_names == ("class 2", "class 10")
    assert source.labels.tolist() == [0, 0, 1]
    assert [path.name for path in source.pictures()] == ["c.png", "b.png", "a.png"]


@pytest.mark.parametrize("names", [("a.png", "b.png"), ("one/a.png", "one/b.png"), ("a.png", "one/b.png", "two/c.png")])
def test_without_two_sub_folders_there_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    _touch(tmp_path, *names)
    source = _open(tmp_path)
    assert source.class_names == ()
    assert set(source.labels.tolist()) == {-1}


def test_hidden_files_and_links_are_left_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    _touch(tmp_path, "outside/secret.png", "in/.hidden.png", "in/.git/a.png", "in/._a.png", "in/a.png")
    (tmp_path / "in" / "link.png").symlink_to(outside / "secret.png")
    (tmp_path / "in" / "folder").symlink_to(outside)
    (tmp_path / "in" / "round").symlink_to(tmp_path / "in")
    assert _names(tmp_path / "in") == ["a.png"]


def test_a_pipe_with_the_name_of_an_image_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    _touch(tmp_path, "b.png")
    assert _names(tmp_path) == ["b.png"]


def test_a_folder_without_images_says_what_would_be_one(tmp_path: Path) -> None:
    _touch(tmp_path, "notes.txt")
    (tmp_path / "a.png").symlink_to(tmp_path / "notes.txt")
    with pytest.raises(DataError, match="1 links in it were not followed") as refusal:
        list_images(tmp_path, unwatched)
    assert ".png" in refusal.value.advice


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_the_share_of_every_class_is_held_out(labels: list[int], share: float) -> None:
    values = np.array(labels, dtype=np.int64)
    held_out = held_out_split(values, share)
    for kind in set(labels):
        assert held_out[values == kind].sum() == int((values == kind).sum() * share)
    assert (held_out == held_out_split(values, share)).all()


def test_a_class_is_split_alike_whatever_other_classes_there_are() -> None:
    alone = held_out_split(np.full(40, 3), 0.25)
    mixed = held_out_split(np.tile([3, 1], 40), 0.25)
    assert (mixed[::2] == alone).all()

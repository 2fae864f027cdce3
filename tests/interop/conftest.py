"""What the published CFD code wrote, to be read, changed and written again."""

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

REFERENCE = Path(__file__).with_name("reference")


@pytest.fixture(scope="session")
def expected() -> dict[str, torch.Tensor]:
    """Return what the published code computes with its checkpoint."""
    with np.load(REFERENCE / "expected.npz", allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays}


@pytest.fixture(scope="session")
def _entries() -> dict[str, Any]:
    return torch.load(REFERENCE / "ckpt.pt", weights_only=True)


@pytest.fixture
def entries(_entries: dict[str, Any]) -> dict[str, Any]:
    """Return what the checkpoint holds; yours to change, tensors aside."""
    return copy.copy(_entries) | {"net_model": copy.copy(_entries["net_model"])}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], Path]:
    """Return a function that writes entries, or bytes, as a checkpoint file."""

    def write(content: Any, name: str = "changed.pt") -> Path:
        if not isinstance(content, bytes):
            buffer = io.BytesIO()
            torch.save(content, buffer)
            content = buffer.getvalue()
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pellucid.base import records
from pellucid.base.errors import BadData
from pellucid.train.checkpoint import load_tensors, save_tensors


def saved(folder: Path) -> Path:
    path = folder / "last.safetensors"
    tensors = {"network.w": torch.arange(6.0).view(2, 3), "count": torch.tensor(5)}
    save_tensors(path, tensors, {"progress": {"step": 7, "loss_sum": 0.1 + 0.2}})
    return path


def test_what_is_saved_comes_back_to_the_bit(tmp_path: Path) -> None:
    tensors, facts = load_tensors(saved(tmp_path))
    assert torch.equal(tensors["network.w"], torch.arange(6.0).view(2, 3))
    assert tensors["count"].shape == ()
    assert facts["progress"] == {"step": 7, "loss_sum": 0.1 + 0.2}


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_a_cut_off_file_is_named(tmp_path: Path, cut: int) -> None:
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BadData, match=r"last\.safetensors"):
        load_tensors(path)


def test_one_changed_byte_is_found(tmp_path: Path) -> None:
    path = saved(tmp_path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadData, match="checksum"):
        load_tensors(path)


def test_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.train.checkpoint.SCHEMA", records.SCHEMA + 1)
    path = saved(tmp_path)
    monkeypatch.undo()
    with pytest.raises(BadData, match="newer Pellucid"):
        load_tensors(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no such file"):
        load_tensors(tmp_path / "none.safetensors")

from __future__ import annotations

import torch

from pellucid.train import augment
from pellucid.train.recipe import AUGMENTATIONS


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 64, side: int = 8) -> torch.Tensor:
    return torch.randint(1, 256, (count, 2, side, side), generator=chance(7)).to(torch.uint8)


def test_every_change_keeps_shape_and_kind_and_leaves_its_input_alone() -> None:
    for name in AUGMENTATIONS:
        before = pictures()
        given = before.clone()
        after = augment.augment(given, [name], chance())
        assert torch.equal(given, before), name
        assert (after.shape, after.dtype) == (before.shape, before.dtype), name
        assert not torch.equal(after, before), name
        assert torch.equal(after, augment.augment(given, [name], chance())), name


def test_a_shift_moves_each_picture_by_whole_pixels_and_fills_with_zeros() -> None:
    before = pictures()
    after = augment.shift(before, 2, chance())
    padded = torch.nn.functional.pad(before, (2, 2, 2, 2))
    offsets = set()
    for original, moved in zip(padded, after, strict=True):
        fits = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if torch.equal(original[:, row : row + 8, column : column + 8], moved)
        ]
        assert len(fits) == 1
        offsets.update(fits)
    assert len(offsets) > 15  # of 25, over 64 pictures


def test_a_crop_mirrors_what_lies_outside() -> None:
    row = torch.arange(4, dtype=torch.uint8).view(1, 1, 1, 4).expand(1, 1, 4, 4).contiguous()
    assert augment._mirror(row, 2)[0, 0, 0].tolist() == [2, 1, 0, 1, 2, 3, 2, 1]


def test_a_flip_turns_about_half_of_the_pictures() -> None:
    before = pictures(400)
    after = augment.flip(before, 0.5, chance())
    turned = sum(
        torch.equal(a, b.flip(2)) and not torch.equal(a, b)
        for a, b in zip(after, before, strict=True)
    )
    kept = sum(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert turned + kept == 400
    assert 160 < turned < 240


def test_cutout_blanks_one_square_the_same_in_every_channel() -> None:
    after = augment.cutout(pictures(), 4, chance())
    hidden = after == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    for picture in hidden[:, 0]:
        rows, columns = picture.any(1).sum(), picture.any(0).sum()
        assert picture.sum() == rows * columns
        assert 1 <= rows <= 5
        assert 1 <= columns <= 5


def test_a_warp_of_size_zero_changes_nothing() -> None:
    before = pictures()
    assert torch.equal(augment.warp(before, 0.0, chance()), before)

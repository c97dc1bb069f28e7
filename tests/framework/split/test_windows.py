"""The window grid: a partition of tokens and of content, with valid extents."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from framework.models.named import architecture
from framework.split.windows import WindowGrid
from framework.transport.stage import cut, merge


def frame_sizes(side: int = 256) -> st.SearchStrategy[tuple[int, int]]:
    """Frames whose longest side is ``side``."""
    short = st.integers(1, side)
    return st.one_of(short.map(lambda n: (n, side)), short.map(lambda n: (side, n)))


def tiny_grid(frame_size: tuple[int, int] = (256, 256)) -> WindowGrid:
    return WindowGrid.of(architecture("tiny"), frame_size)


@pytest.mark.parametrize(("name", "border"), [("tiny", 4), ("vit_b", 8), ("vit_l", 8)])
def test_sixteen_full_and_nine_border_windows(name, border):
    arch = architecture(name)
    grid = WindowGrid.of(arch, (arch.img_size, arch.img_size))
    full = arch.window_size
    shapes = [(w.height, w.width) for w in grid.windows]
    assert len(shapes) == 25
    assert shapes.count((full, full)) == 16
    assert shapes.count((full, border)) == shapes.count((border, full)) == 4
    assert shapes[-1] == (border, border)


def test_a_grid_without_border_windows():
    grid = WindowGrid(img_size=224, patch_size=16, window_size=7, frame_size=(224, 100))
    assert [(w.height, w.width) for w in grid.windows] == [(7, 7)] * 4


@given(frame_sizes())
def test_windows_partition_tokens(frame_size):
    grid = tiny_grid(frame_size)
    count = np.zeros((32, 32), dtype=int)
    for window in grid.windows:
        count[window.token_slice] += 1
    assert (count == 1).all()
    assert [w.index for w in grid.windows] == list(range(25))
    assert [(w.row, w.col) for w in grid.windows] == [divmod(i, 5) for i in range(25)]


@given(frame_sizes())
def test_windows_partition_content_pixels(frame_size):
    grid = tiny_grid(frame_size)
    count = np.zeros(frame_size, dtype=int)
    for window in grid.windows:
        y0, x0, y1, x1 = grid.pixel_box(window)
        count[y0:y1, x0:x1] += 1
        assert (y1 - y0, x1 - x0) == (window.content_height, window.content_width)
        assert window.has_content is (window.index in grid.content)
        assert (y1 > y0) is (x1 > x0) is window.has_content
        if window.has_content:
            assert (y0, x0) == (window.top * 8, window.left * 8)
    assert (count == 1).all()


@given(frame_sizes(), st.sets(st.integers(0, 24)))
def test_pixel_mask_is_the_union_of_boxes(frame_size, indices):
    grid = tiny_grid(frame_size)
    area = sum(grid.windows[i].content_height * grid.windows[i].content_width for i in indices)
    mask = grid.pixel_mask(indices)
    assert mask.shape == frame_size
    assert mask.sum() == area


def test_content_of_a_landscape():
    grid = tiny_grid((171, 256))
    assert grid.content == tuple(range(20))
    assert [w.content_height for w in grid.windows[::5]] == [56, 56, 56, 3, 0]
    assert [w.content_width for w in grid.windows[:5]] == [56, 56, 56, 56, 32]
    assert all(w.content_width == 0 for w in grid.windows[20:])


def test_row_order_quarters_of_a_landscape_hold_very_different_shares():
    grid = WindowGrid.of(architecture("vit_b"), (683, 1024))
    shares = [grid.pixel_mask(range(start, start + 6)).mean() for start in (0, 6, 12, 18)]
    assert max(shares) > 0.3
    assert min(shares) < 0.05


def test_merge_undoes_cut():
    tokens = torch.randn(32, 32, 3)
    grid = tiny_grid()
    parts = cut(tokens, grid)
    assert [tuple(p.shape[:2]) for p in parts] == [(w.height, w.width) for w in grid.windows]
    assert torch.equal(merge(parts, grid), tokens)

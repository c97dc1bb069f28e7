"""An encoder: another ViT with window and global attention, and a model of it."""

import torch
from torch import nn
from torch.nn.functional import pad

from framework.models.block import map_windows
from pedbench import Architecture, Encoder

SIZES = Architecture(
    name="small_vit",
    img_size=160,
    patch_size=8,
    window_size=5,
    width=64,
    depth=4,
    heads=4,
    global_blocks=(1, 3),
    prompt_width=128,
    decoder_mlp=256,
)


class SmallVit(nn.Module):
    """PyTorch's own layers: they attend over a window or over the whole picture."""

    img_size = SIZES.img_size

    def __init__(self):
        super().__init__()
        patch, width, grid = SIZES.patch_size, SIZES.width, SIZES.grid_size
        self.embedding = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(torch.zeros(1, grid, grid, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, SIZES.heads, 2 * width, 0, batch_first=True)
            for _ in range(SIZES.depth)
        )
        self.output = nn.Linear(width, SIZES.prompt_width)

    def forward(self, image):
        encoder = SmallVitEncoder(self)
        return encoder.neck(encoder.maps(range(SIZES.depth), encoder.embed(image)))


class SmallVitEncoder(Encoder):
    """The parts of `SmallVit` that shards and edge run."""

    summary = "PyTorch's transformer layers, on windows and on whole pictures"

    @classmethod
    def models(cls):
        return (SIZES,)

    @classmethod
    def build(cls, arch):
        return SmallVit()

    @classmethod
    def reads(cls, module):
        return isinstance(module, SmallVit)

    def architecture(self):
        return SIZES

    @property
    def positions(self):
        return self.module.positions

    def patches(self, image):
        return self.module.embedding(image).permute(0, 2, 3, 1)

    def windows(self, blocks, tokens, source, slots):
        padding = source == len(tokens)
        for index in blocks:
            held = pad(tokens, (0, 0, 0, 1))[source]
            found = self.module.layers[index](held, src_key_padding_mask=padding)
            tokens = found.flatten(0, 1)[slots]
        return tokens

    def maps(self, blocks, tokens):
        shape = tokens.shape
        for index in blocks:
            if index in SIZES.global_blocks:
                tokens = self.module.layers[index](tokens.flatten(1, 2)).view(shape)
            else:
                places = (
                    part.to(tokens.device)
                    for part in map_windows(tuple(shape[:3]), SIZES.window_size)
                )
                tokens = self.windows([index], tokens.flatten(0, 2), *places).view(shape)
        return tokens

    def neck(self, tokens):
        return self.module.output(tokens).permute(0, 3, 1, 2).float()

"""What the machine can do at most, measured through PyTorch: float32 convolutions and copies. Knows no peer."""

from __future__ import annotations

import functools

import torch
from timing import rate

# Channels in and out, and the side, of each convolution of the full-width network.
LAYERS = ((3, 32, 96), (32, 64, 96), (64, 128, 48), (128, 256, 24))
BATCHES = (1, 4, 16, 64)
COPIED = 1 << 28


def convolutions() -> float:
    """Operations per second of the fastest layer and batch size."""
    rates = []
    for channels, filters, side in LAYERS:
        layer = torch.nn.Conv2d(channels, filters, 3, padding=1).to(memory_format=torch.channels_last)
        for batch in BATCHES:
            images = torch.rand(batch, channels, side, side).to(memory_format=torch.channels_last)
            operations = 2 * 9 * channels * filters * side**2 * batch
            rates.append(rate(operations, functools.partial(layer, images), least_seconds=0.2))
    return max(rates)


def copies() -> float:
    """Bytes copied per second, between buffers too large for the caches."""
    source, target = torch.zeros(COPIED, dtype=torch.uint8), torch.ones(COPIED, dtype=torch.uint8)
    return rate(COPIED, lambda: target.copy_(source))


def ceiling() -> dict[str, float]:
    with torch.no_grad():
        return {"flops": convolutions(), "bytes": copies()}

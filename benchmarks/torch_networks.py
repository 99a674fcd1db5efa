"""Three networks of the course in PyTorch, for the comparison: same layers, same parameters.

Pixels 0..255 in, logits out, as ours. Stock PyTorch layers, written as most people write them.
"""

from torch import nn


class Scaled(nn.Module):
    def forward(self, x):
        return x / 127.5 - 1


class PadShortcut(nn.Module):
    """He et al. 2015, option A: every other pixel, zeros for the new channels."""

    def __init__(self, new_channels):
        super().__init__()
        self.new_channels = new_channels

    def forward(self, x):
        return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.new_channels))


class Block(nn.Module):
    """relu(shortcut(x) + F(x)), where F is two 3x3 convolutions."""

    def __init__(self, channels, filters, strides, shortcut):
        super().__init__()
        self.residual = nn.Sequential(
            *convolution(channels, filters, strides),
            nn.ReLU(),
            *convolution(filters, filters, 1),
        )
        self.shortcut = shortcut

    def forward(self, x):
        return nn.functional.relu(self.shortcut(x) + self.residual(x))


def convolution(channels, filters, strides):
    yield nn.Conv2d(channels, filters, 3, strides, padding=1, bias=False)
    yield nn.BatchNorm2d(filters)


def residual_stages(filters_of_stages, blocks, shortcut):
    yield from (Scaled(), *convolution(3, filters_of_stages[0], 1), nn.ReLU())
    channels = filters_of_stages[0]
    for filters in filters_of_stages:
        for _ in range(blocks):
            strides = 1 if filters == channels else 2
            same = nn.Identity() if strides == 1 else shortcut(channels, filters)
            yield Block(channels, filters, strides, same)
            channels = filters
    yield from (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def projection(channels, filters):
    return nn.Sequential(nn.Conv2d(channels, filters, 1, 2, bias=False), nn.BatchNorm2d(filters))


def simple_cnn():
    return nn.Sequential(
        *(Scaled(), nn.Conv2d(3, 12, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(12, 24, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(864, 120), nn.ReLU(), nn.Linear(120, 60), nn.ReLU(), nn.Linear(60, 10)),
    )


NETWORKS = {
    "resnet20": lambda: nn.Sequential(
        *residual_stages((16, 32, 64), 3, lambda before, after: PadShortcut(after - before))
    ),
    "resnet18": lambda: nn.Sequential(*residual_stages((64, 128, 256, 512), 2, projection)),
    "simple_cnn": simple_cnn,
}


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())

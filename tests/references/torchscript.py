"""Makes a small TorchScript network and Captum's explanations of it: `torchscript.pt` and `torchscript.safetensors`.

    pip install torch==2.11.0 captum==0.9.0 safetensors
    python tests/references/torchscript.py

The network returns two logits, and offers `features` and `classifier`. The explained number is the second logit minus
the first, computed here in plain PyTorch. The script shares no code with pcamflow.
"""

from pathlib import Path

import numpy as np
import torch
from captum import attr
from safetensors.numpy import save_file
from torch import nn

HERE = Path(__file__).parent
SIDE = 32


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm2d(6)
        self.body = nn.Conv2d(6, 8, 3, padding=1)
        self.last = nn.Linear(8 * 4, 2)

    @torch.jit.export
    def features(self, x):
        return torch.nn.functional.gelu(self.body(torch.relu(self.norm(self.stem(x)))))

    @torch.jit.export
    def classifier(self, features):
        # `view` demands rows that lie one after the other, as much code in the wild does.
        pooled = torch.nn.functional.adaptive_avg_pool2d(features, 2)
        return self.last(pooled.view(-1, 32))

    def forward(self, x):
        return self.classifier(self.features(x))


def images(count):
    generator = np.random.default_rng(3)
    coarse = torch.tensor(generator.random((count, 3, 8, 8)), dtype=torch.float32)
    return (nn.functional.interpolate(coarse, SIDE, mode="bilinear") * 255).round().byte()


def main():
    torch.set_num_threads(1)
    torch.manual_seed(7)
    net = Net()
    with torch.no_grad():
        net.norm.running_mean.uniform_(-0.1, 0.1)
        net.norm.running_var.uniform_(0.05, 0.2)
        net.last.weight.mul_(5)
    net.eval()
    torch.jit.script(net).save(str(HERE / "torchscript.pt"))
    pixels = images(2)
    x = pixels.float() / 255

    def z(x):
        logits = net(x)
        return logits[:, 1] - logits[:, 0]

    black = torch.zeros_like(x)
    integrated = attr.IntegratedGradients(z).attribute(x, black, n_steps=50, method="gausslegendre")
    occluded = attr.Occlusion(z).attribute(x, (3, 8, 8), (3, 8, 8), baselines=0.0)
    # `features` ends with a function, and Captum's layers are modules: this gradient comes from autograd.
    map = net.features(x).detach().requires_grad_(True)
    logits = net.classifier(map)
    [gradient] = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), map)
    cam = torch.relu((gradient.mean((2, 3), keepdim=True) * map).sum(1))
    arrays = {
        "pixels": pixels.permute(0, 2, 3, 1),
        "logits": z(x),
        "gradient": attr.Saliency(z).attribute(x, abs=False),
        "integrated-gradients": integrated,
        # Windows that do not overlap: each pixel has its window's value, in every channel.
        "occlusion": occluded[:, 0],
        "grad-cam": cam,
    }
    stored = {name: np.ascontiguousarray(array.detach().numpy()) for name, array in arrays.items()}
    save_file(stored, HERE / "torchscript.safetensors")


if __name__ == "__main__":
    main()

"""Models in PyTorch: their probabilities are those of pcamflow, and so are Captum's maps on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from conftest import RESNET
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import pcamflow


@pytest.fixture(scope="module", params=["quickstart", "resnet"])
def run(request: pytest.FixtureRequest, project: Path, quickstart: pcamflow.Run) -> pcamflow.Run:
    if request.param == "quickstart":
        return quickstart
    file = project / "pipelines/resnet.toml"
    file.write_text(RESNET)
    return pcamflow.run(file, progress=False)


@pytest.fixture(scope="module")
def model(run: pcamflow.Run) -> nn.Module:
    return pcamflow.load_model(run)


def test_probabilities_are_equal(run: pcamflow.Run, model: nn.Module) -> None:
    predictions = run.predictions()
    patches = pcamflow.to_tensor(run.patches(predictions["row"].to_numpy()))
    with torch.no_grad():
        logits = model(patches)
    assert logits.shape == (60,) and not model.training
    assert np.abs(torch.sigmoid(logits.double()).numpy() - predictions["probability"]).max() < 1e-6
    assert predictions["probability"].std() > 1e-3


def explained(run: pcamflow.Run, method: str) -> tuple[pcamflow.Maps, Tensor]:
    maps = run.maps(method)
    return maps, pcamflow.to_tensor(run.patches(maps.rows))


def agree(ours: np.ndarray, captums: Tensor) -> None:
    """Within 1e-3 for all but two images. Where a ReLU or a maximum is nearly tied, any two ways to compute a gradient
    may decide differently: PyTorch's own two layouts differ by more than 1e-3 for one image in six."""
    wanted = captums.detach().numpy()
    assert ours.shape == wanted.shape
    assert np.abs(wanted).max() > 0
    deviations = np.abs(ours - wanted).reshape(len(ours), -1).max(1) / np.abs(wanted).max()
    print("largest deviation of each image:", " ".join(f"{deviation:.1e}" for deviation in deviations))
    assert np.sort(deviations)[-3] < 1e-3
    assert deviations.max() < 0.05


def test_grad_cam(run: pcamflow.Run, model: nn.Module) -> None:
    maps, x = explained(run, "explain.grad-cam")
    layer = model.get_submodule(maps.parameters["layer"])
    cam = LayerGradCam(model, layer).attribute(x, relu_attributions=True)
    agree(maps.array("native"), cam[:, 0])
    agree(maps[:], nn.functional.interpolate(cam, (96, 96), mode="bilinear", align_corners=False)[:, 0])


def test_saliency(run: pcamflow.Run, model: nn.Module) -> None:
    maps, x = explained(run, "explain.saliency")
    gradient = Saliency(model).attribute(x, abs=False)
    agree(maps.array("attribution"), gradient)
    agree(maps[:], gradient.abs().amax(1))


def test_occlusion(run: pcamflow.Run, model: nn.Module) -> None:
    maps, x = explained(run, "explain.occlusion")
    window, stride = maps.parameters["window"], maps.parameters["stride"]
    with torch.no_grad():
        drop = Occlusion(model).attribute(x, (3, window, window), (3, stride, stride), baselines=0)
    agree(maps[:], drop[:, 0])


def test_integrated_gradients(run: pcamflow.Run, model: nn.Module) -> None:
    maps, x = explained(run, "explain.integrated-gradients")
    method = IntegratedGradients(model)
    attribution = method.attribute(x, torch.ones_like(x), n_steps=maps.parameters["steps"], method="gausslegendre")
    agree(maps.array("attribution"), attribution)
    agree(maps[:], attribution.sum(1))


def test_every_layer_has_the_name_of_pcamflow(run: pcamflow.Run, model: nn.Module, project: Path) -> None:
    """The program lists the layers in its error for a layer that does not exist."""
    name = "quickstart" if hasattr(model, "fc1") else "resnet"
    with pytest.raises(pcamflow.EngineError) as error:
        pcamflow.run(
            project / f"pipelines/{name}.toml",
            set={"explain.grad-cam.method.grad-cam.layer": "nothing"},
            stages=["explain.grad-cam"],
            progress=False,
        )
    listed = str(error.value).split("its layers are ")[1].split(", and those inside")[0].split("\n")[0]
    layers = [layer.strip() for layer in listed.split(",")]
    assert len(layers) > 5
    for layer in layers:
        model.get_submodule(layer)


def test_the_architecture_is_known_without_metadata_and_read_from_it(run: pcamflow.Run, tmp_path: Path) -> None:
    tensors = load_file(run.path("train.narrow/model"))
    resnet = "layer1.0.conv1.weight" in tensors
    stated = (
        {"resnet": {"stages": [1, 2], "width": 8}}
        if resnet
        else {"class-cnn": {"channels": [8, 16, 32, 64], "hidden": 32}}
    )
    x = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    wanted = pcamflow.load_model(run)(x)
    for metadata in (None, {"pcamflow": json.dumps({"architecture": stated, "classes": ["a", "b"]})}):
        save_file(tensors, tmp_path / "model.safetensors", metadata=metadata)
        assert torch.equal(pcamflow.load_model(tmp_path / "model.safetensors")(x), wanted)
    for metadata, complaint in [
        ({"architecture": {"vit": {"depth": 2}}}, "architecture `vit`, which this version of pcamflow does not know"),
        ({"network": 1}, "its metadata `pcamflow` names no architecture"),
        ({"architecture": {"class-cnn": {"channels": [1, 2, 3, 4], "hidden": 5}}}, "lacks|does not fit"),
    ]:
        save_file(tensors, tmp_path / "odd.safetensors", metadata={"pcamflow": json.dumps(metadata)})
        with pytest.raises(pcamflow.FormatError, match=complaint):
            pcamflow.load_model(tmp_path / "odd.safetensors")


def test_a_normalisation_is_part_of_the_module_and_patches_may_have_other_sizes(
    run: pcamflow.Run, tmp_path: Path
) -> None:
    tensors = load_file(run.path("train.narrow/model"))
    plain = pcamflow.load_model(run)
    with_metadata = json.loads(_metadata(run))
    with_metadata["input"]["normalise"] = {"mean": [0.7, 0.5, 0.6], "std": [0.2, 0.25, 0.2]}
    save_file(tensors, tmp_path / "model.safetensors", metadata={"pcamflow": json.dumps(with_metadata)})
    model = pcamflow.load_model(tmp_path / "model.safetensors")
    x = torch.rand(2, 3, 50, 50, generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(it).view(1, 3, 1, 1) for it in ([0.7, 0.5, 0.6], [0.2, 0.25, 0.2]))
    assert torch.equal(model(x), plain((x - mean) / std))
    assert set(model.state_dict()) == set(plain.state_dict())


def _metadata(run: pcamflow.Run) -> str:
    from safetensors import safe_open

    with safe_open(run.path("train.narrow/model"), framework="pt") as file:
        return str(file.metadata()["pcamflow"])


def test_torchvisions_layouts_have_torchvisions_logits(tmp_path: Path) -> None:
    reference = load_file(Path(__file__).parent.parent / "references/resnets.safetensors")
    x = pcamflow.to_tensor(reference["images"].numpy())
    for name in ("resnet18", "resnet50"):
        prefix = f"{name}.model."
        tensors = {it.removeprefix(prefix): tensor for it, tensor in reference.items() if it.startswith(prefix)}
        stated = {"stages": [2, 1, 1, 1], "width": 3, "stem": "imagenet"}
        stated |= {"block": "bottleneck"} if name == "resnet50" else {}
        for metadata in (None, {"pcamflow": json.dumps({"architecture": {"resnet": stated}})}):
            save_file(tensors, tmp_path / "model.safetensors", metadata=metadata)
            model = pcamflow.load_model(tmp_path / "model.safetensors")
            with torch.no_grad():
                assert (model(x) - reference[f"{name}.logit"]).abs().max() < 1e-5
    stated["stem"] = "deep"
    metadata = {"pcamflow": json.dumps({"architecture": {"resnet": stated}})}
    save_file(tensors, tmp_path / "odd.safetensors", metadata=metadata)
    with pytest.raises(pcamflow.FormatError, match="deep is neither imagenet nor small"):
        pcamflow.load_model(tmp_path / "odd.safetensors")


def test_densely_connected_networks_have_the_logits_of_their_references(tmp_path: Path) -> None:
    reference = load_file(Path(__file__).parent.parent / "references/densenets.safetensors")
    settings = {
        "torchvision": {"blocks": [2, 1, 1, 1], "growth": 3, "channels": 6, "layout": "torchvision", "group": "none"},
        "none": {"blocks": [1, 2, 1], "growth": 3, "channels": 4, "layout": "pcam", "group": "none"},
        "p4": {"blocks": [1, 2], "growth": 2, "channels": 2, "layout": "pcam", "group": "p4"},
        "p4m": {"blocks": [1, 2, 1], "growth": 1, "channels": 2, "layout": "pcam", "group": "p4m"},
    }
    for name, stated in settings.items():
        prefix = f"{name}.model."
        tensors = {it.removeprefix(prefix): tensor for it, tensor in reference.items() if it.startswith(prefix)}
        x = pcamflow.to_tensor(reference[f"images.{64 if name == 'torchvision' else 50}"].numpy())
        for metadata in (None, {"pcamflow": json.dumps({"architecture": {"densenet": stated}})}):
            save_file(tensors, tmp_path / "model.safetensors", metadata=metadata)
            model = pcamflow.load_model(tmp_path / "model.safetensors")
            assert model.get_submodule("features.denseblock1.denselayer1.norm1") is not None
            with torch.no_grad():
                assert (model(x) - reference[f"{name}.logit"]).abs().max() < 1e-5


def test_files_that_are_no_model(quickstart: pcamflow.Run, tmp_path: Path) -> None:
    tensors = load_file(quickstart.path("train.narrow/model"))

    def error(tensors: dict[str, Tensor]) -> str:
        save_file(tensors, tmp_path / "x.safetensors")
        with pytest.raises(pcamflow.FormatError) as error:
            pcamflow.load_model(tmp_path / "x.safetensors")
        return str(error.value)

    assert "holds no network that pcamflow knows" in error({"weight": torch.zeros(2)})
    assert "lacks `bn2.running_var`" in error({k: v for k, v in tensors.items() if k != "bn2.running_var"})
    assert "has, beyond its architecture, `extra`" in error({**tensors, "extra": torch.zeros(1)})
    assert "does not fit its architecture" in error({**tensors, "fc1.weight": torch.zeros(32, 64)})
    with pytest.raises(pcamflow.FormatError, match="is the checkpoint of a training: take the `model.safetensors`"):
        pcamflow.load_model(quickstart.path("train.narrow/checkpoint"))
    (tmp_path / "model.pt").write_bytes(b"PK\3\4 pickled")
    with pytest.raises(pcamflow.FormatError, match="model.pt is not a safetensors file"):
        pcamflow.load_model(tmp_path / "model.pt")
    with pytest.raises(pcamflow.NotFoundError, match="there is no .*nothing.safetensors"):
        pcamflow.load_model(tmp_path / "nothing.safetensors")


def test_input(quickstart: pcamflow.Run) -> None:
    patch = quickstart.patches([3])[0]
    tensor = pcamflow.to_tensor(patch)
    assert tensor.shape == (1, 3, 96, 96) and tensor.dtype == torch.float32
    assert torch.equal(tensor[0, 1], torch.from_numpy(patch[:, :, 1]) / 255)
    with pytest.raises(pcamflow.FormatError, match=r"patches are uint8 \[N, S, S, 3\], and these are float64"):
        pcamflow.to_tensor(patch / 255)

"""Whole networks of the peers, recorded: names, shapes and vectors, an image and its logits.

What is larger than a vector is drawn again from its name, so a recording is small. Made with torch
from the transcriptions in `peers.py`, which are held against the real peers' blocks by fixtures:

    python -m tests.convert.recorded
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "data" / "networks"
SIZE = (33, 49)


def draw(name, shape):
    """Normally distributed float32 values that depend on name and shape alone."""
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)


def weight(name, shape):
    """The value that `peers.randomize` gives a tensor of two axes or more."""
    return draw(name, shape) * np.float32((2 / np.prod(shape[1:])) ** 0.5)


def load(path):
    """Returns the state dict by the peer's names, the image and the logits."""
    with np.load(path) as held:
        drawn = json.loads(held["drawn"].tobytes())
        state = {name: weight(source, tuple(shape)) for name, (source, shape) in drawn.items()}
        state.update({key[7:]: held[key] for key in held.files if key.startswith("vector/")})
        return {name: state[name] for name in held["order"].tolist()}, held["logits"]


def image():
    """The image of every recording, (1, 3, 33, 49)."""
    return draw("image", (1, 3, *SIZE))


def record(path, net):
    """Runs a network of `peers` and writes what `load` reads."""
    import torch

    from tests.convert import peers

    net = peers.randomize(net, draw=draw)
    state = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    with torch.no_grad():
        logits = net(torch.from_numpy(image()))[0].numpy()
    arrays = {f"vector/{name}": array for name, array in state.items() if array.ndim < 2}
    sources = {array.ctypes.data: name for name, array in state.items()}  # of shared ones the last
    drawn = {n: (sources[a.ctypes.data], a.shape) for n, a in state.items() if a.ndim > 1}
    arrays["drawn"] = np.frombuffer(json.dumps(drawn).encode(), np.uint8)
    np.savez_compressed(path, order=np.array(list(state)), logits=logits, **arrays)


def main():
    """Writes all recordings."""
    from tests.convert.test_networks import NETS

    FOLDER.mkdir(exist_ok=True)
    for name, make in NETS.items():
        record(FOLDER / f"{name.replace(' ', '_')}.npz", make())


if __name__ == "__main__":
    main()

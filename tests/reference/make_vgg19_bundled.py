"""Compute vgg19_bundled.npz: VGG19's outputs in float64 with NumPy alone, to hold Keras' against.

Run it with `.venv/bin/python tests/reference/make_vgg19_bundled.py`.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
WEIGHTS = HERE.parent.parent / "helpers" / "weights" / "vgg19_imagenet_8bit.npz"
CONVS = (2, 2, 4, 4, 4)


def convolve(maps, kernel, bias):
    """3 × 3 cross-correlation with a border of zeros, then ReLU: (h, w, in) → (h, w, out)."""
    height, width, _ = maps.shape
    padded = np.pad(maps, ((1, 1), (1, 1), (0, 0)))
    total = np.zeros((height, width, kernel.shape[-1])) + bias
    for row in range(3):
        for column in range(3):
            total += padded[row : row + height, column : column + width] @ kernel[row, column]
    return np.maximum(total, 0)


def average_pool(maps):
    """Means of 2 × 2 windows: (h, w, N) → (h/2, w/2, N)."""
    height, width, filters = maps.shape
    return maps.reshape(height // 2, 2, width // 2, 2, filters).mean(axis=(1, 3))


def main():
    """Write the image and every layer's outputs, each second position and each 16th filter."""
    image = np.random.default_rng(2015).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    maps = image[..., ::-1] - np.array([103.939, 116.779, 123.68])
    outputs = {"image": image}
    with np.load(WEIGHTS) as stored:
        for block, convs in enumerate(CONVS, start=1):
            for conv in range(1, convs + 1):
                name = f"block{block}_conv{conv}"
                kernel = stored[f"{name}/codebook"].astype(np.float64)[stored[f"{name}/codes"]]
                maps = convolve(maps, kernel, stored[f"{name}/bias"].astype(np.float64))
                outputs[name] = maps[::2, ::2, ::16].astype(np.float32)
            maps = average_pool(maps)
            outputs[f"block{block}_pool"] = maps[::2, ::2, ::16].astype(np.float32)
    np.savez_compressed(HERE / "vgg19_bundled.npz", **outputs)


if __name__ == "__main__":
    main()

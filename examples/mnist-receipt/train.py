"""Train a small network on digits that are drawn here, and write its weights and its accuracy."""

import argparse
import json

import numpy as np

# Digits as seven segments of a clock: top, upper left, upper right, middle, lower left, lower right, bottom.
SEGMENTS = ("1110111", "0010010", "1011101", "1011011", "0111010",
            "1101011", "1101111", "1010010", "1111111", "1111011")
STROKES = (np.s_[1:3, 4:12], np.s_[2:8, 2:4], np.s_[2:8, 12:14], np.s_[7:9, 4:12],
           np.s_[8:14, 2:4], np.s_[8:14, 12:14], np.s_[13:15, 4:12])


def drawn(digit, random):
    """A digit of 16 x 16 pixels, moved a little, with noise."""
    image = np.zeros((16, 16), dtype=np.float32)
    for is_on, stroke in zip(SEGMENTS[digit], STROKES):
        image[stroke] = int(is_on)
    moved = np.roll(image, tuple(random.integers(-2, 3, 2)), axis=(0, 1))
    return (moved + 0.4 * random.standard_normal((16, 16), dtype=np.float32)).ravel()


def data(count, random):
    labels = random.integers(0, 10, count)
    return np.stack([drawn(label, random) for label in labels]), labels


def scores(weights, images):
    hidden = np.maximum(images @ weights["w1"] + weights["b1"], 0)
    return hidden, hidden @ weights["w2"] + weights["b2"]


def step(weights, images, labels, rate):
    """One step of gradient descent on the cross entropy."""
    hidden, found = scores(weights, images)
    chances = np.exp(found - found.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    chances[np.arange(len(labels)), labels] -= 1
    chances /= np.float32(len(labels))
    back = (chances @ weights["w2"].T) * (hidden > 0)
    slopes = {"w2": hidden.T @ chances, "b2": chances.sum(0), "w1": images.T @ back, "b1": back.sum(0)}
    return {name: weights[name] - np.float32(rate) * slopes[name] for name in weights}


def train(images, labels, random, epochs):
    weights = {
        "w1": random.standard_normal((256, 64), dtype=np.float32) / 16,
        "b1": np.zeros(64, dtype=np.float32),
        "w2": random.standard_normal((64, 10), dtype=np.float32) / 8,
        "b2": np.zeros(10, dtype=np.float32),
    }
    for _ in range(epochs):
        order = random.permutation(len(labels))
        for start in range(0, len(order), 50):
            batch = order[start : start + 50]
            weights = step(weights, images[batch], labels[batch], 0.1)
    return weights


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--epochs", type=int, default=5)
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    images, labels = data(3000, random)
    weights = train(images[:2500], labels[:2500], random, asked.epochs)
    accuracy = float((scores(weights, images[2500:])[1].argmax(1) == labels[2500:]).mean())
    for name, values in weights.items():
        np.save(f"{name}.npy", values)  # an .npz holds the time at which it was written
    with open("result.json", "w") as file:
        json.dump({"accuracy": accuracy}, file)
    print(f"accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()

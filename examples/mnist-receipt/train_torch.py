"""The network of train.py with torch, on the same digits: weights and accuracy in the same files."""

import argparse
import json

import numpy as np
import torch
from train import data


def train(images, labels, epochs):
    model = torch.nn.Sequential(torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(50):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--epochs", type=int, default=5)
    asked = parser.parse_args()
    torch.manual_seed(asked.seed)  # `envlock.deterministic(seed)` does more, where envlock is installed
    torch.use_deterministic_algorithms(True)
    images, labels = map(torch.from_numpy, data(3000, np.random.default_rng(asked.seed)))
    model = train(images[:2500], labels[:2500], asked.epochs)
    accuracy = (model(images[2500:]).argmax(1) == labels[2500:]).double().mean().item()
    for name, values in zip(("w1", "b1", "w2", "b2"), model.parameters()):
        np.save(f"{name}.npy", values.detach().numpy())
    with open("result.json", "w") as file:
        json.dump({"accuracy": accuracy}, file)
    print(f"accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()

"""PyTorch, tensors in memory: eager, or with all that makes it quick on a CPU."""

import contextlib
import sys

import torch
from idx import BATCH, RATE, load, measure
from torch import nn

folder, epochs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
images, labels, test, truth = (torch.tensor(part) for part in load(folder))
images, test = images.permute(0, 3, 1, 2).contiguous(), test.permute(0, 3, 1, 2).contiguous()
labels, truth = labels.long(), truth.long()
torch.manual_seed(seed)
is_fused = "--fused" in sys.argv
layout = torch.channels_last if is_fused else torch.contiguous_format
low = "--bf16" in sys.argv


def block(taken, filters):
    return [
        nn.Conv2d(taken, filters, 3, padding=1, bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]


model = nn.Sequential(*block(1, 16), *block(16, 48), nn.Flatten(), nn.Linear(7 * 7 * 48, 10))
model = model.to(memory_format=layout)
optimizer = torch.optim.Adam(model.parameters(), RATE, fused=is_fused)
loss = nn.CrossEntropyLoss()


def precision():
    return torch.autocast("cpu", dtype=torch.bfloat16) if low else contextlib.nullcontext()


def prepared(batch):
    return batch.float().div_(127.5).sub_(1).contiguous(memory_format=layout)


def train(_):
    model.train()
    order = torch.randperm(len(images))
    for at in range(0, len(images), BATCH):
        chosen = order[at : at + BATCH]
        optimizer.zero_grad(set_to_none=True)
        with precision():
            found = loss(model(prepared(images[chosen])), labels[chosen])
        found.backward()
        optimizer.step()


def accuracy():
    model.eval()
    with torch.no_grad():
        right = [
            (model(prepared(test[at : at + 500])).argmax(1) == truth[at : at + 500]).sum()
            for at in range(0, len(test), 500)
        ]
    return sum(right) / len(test)


measure(epochs, train, accuracy, len(images))

"""The official PyTorch MNIST example (pytorch/examples, mnist/main.py), with its own settings.

conv 32, conv 64, pool, dropout 0.25, dense 128, dropout 0.5; Adadelta 1.0, step decay 0.7, batch
64, 14 epochs. Its data come from torchvision one picture at a time; here they lie ready in memory
behind the same DataLoader, which is faster.
"""

from __future__ import annotations

import torch
from clock import Clock
from torch import Tensor, nn, optim
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv2(functional.relu(self.conv1(x))))
        x = self.dropout1(functional.max_pool2d(x, 2)).flatten(1)
        x = self.dropout2(functional.relu(self.fc1(x)))
        return functional.log_softmax(self.fc2(x), dim=1)


def main() -> None:
    clock = Clock()
    torch.manual_seed(clock.seed)
    pairs = TensorDataset(torch.from_numpy(clock.inputs), torch.from_numpy(clock.labels))
    clock.start()
    network = Net()
    optimiser = optim.Adadelta(network.parameters(), lr=1.0)
    schedule = optim.lr_scheduler.StepLR(optimiser, step_size=1, gamma=0.7)
    for _ in range(14):
        network.train()
        for inputs, labels in DataLoader(pairs, batch_size=64, shuffle=True):
            optimiser.zero_grad()
            functional.nll_loss(network(inputs), labels).backward()
            optimiser.step()
        schedule.step()
        network.eval()
        with torch.no_grad():
            if clock.look(lambda x: network(torch.from_numpy(x)).argmax(1).numpy()):
                return


if __name__ == "__main__":
    main()

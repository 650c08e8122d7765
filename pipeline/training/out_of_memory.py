"""Splits a step into smaller parts once memory has run out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pipeline.core.errors import TrainError
from pipeline.models import device

T = TypeVar("T")


@dataclass
class Room:
    """The number of examples that go through the model at once.

    `halving` is false where several processes must agree on it.
    """

    size: int
    halving: bool

    def within(self, work: Callable[[int], T], undo: Callable[[], None]) -> T:
        """Do work on parts of at most `size` examples; where memory runs out, undo it and halve the parts.

        Raises TrainError when one example is too much, or where nothing may be halved.
        """
        import torch

        while True:
            try:
                return work(self.size)
            except torch.OutOfMemoryError as error:
                if self.size == 1 or not self.halving:
                    raise TrainError(
                        f"memory is too small for {self.size} examples at once",
                        "free memory on the card, use a smaller base, or [base] quantization",
                    ) from error
            undo()
            device.give_back()
            smaller = (self.size + 1) // 2
            print(
                f"memory ended: {smaller} examples at once from here on, not {self.size}",
                file=sys.stderr,
            )
            self.size = smaller

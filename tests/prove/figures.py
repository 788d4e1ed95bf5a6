"""A figure, its goal, and the line that is printed for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value beside its goal. ``control`` says what the negative control showed."""

    name: str
    value: float
    goal: str
    held: bool
    unit: str = ""
    control: str = ""

    def line(self) -> str:
        value = f"{self.value:g}" if abs(self.value) >= 100 or self.value == int(self.value) else f"{self.value:.3g}"
        words = [f"{self.name}: {value}{' ' + self.unit if self.unit else ''}", f"goal {self.goal}"]
        words.append("held" if self.held else "SHORT")
        if self.control:
            words.append(f"negative control: {self.control}")
        return " | ".join(words)


Proof = Callable[[], Iterator[Figure]]

"""What ``bin/demo``, ``bin/test`` and ``bin/prove`` share.

Standard library only: it runs before anything is installed. ``console`` says what happens, ``bootstrap``
installs what is missing, ``state`` knows the folders, ``children`` starts and stops processes, ``servers``
runs PostgreSQL and Valkey; ``demo``, ``quality`` and ``prove`` are the commands. ``translations``,
``mail_catcher`` and ``compose`` are programs of their own that run inside the virtual environment.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "bin"

"""What a player sees and touches: drawing is a function of a snapshot, input a function of an event."""

from __future__ import annotations

import os

# pygame greets on standard output as it is imported, and standard output is for results.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

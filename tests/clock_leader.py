"""Another program that leads by MIDI clock over JACK, and floods its port with whatever it is told to."""

from __future__ import annotations

import subprocess
import sys

# A JACK program that sends a clock of a tempo, and on demand floods the same port with what is given as hex.
LEADER = """
import sys, threading, jack
client = jack.Client("their-clock", no_start_server=True)
out = client.midi_outports.register("out")
rate = client.samplerate
state = {"frame": 0, "next": None, "pulse_frames": 0, "flood": [], "start": False, "row": 0}

def process(frames):
    out.clear_buffer()
    here = state["frame"]
    if state["start"]:
        state["start"] = False
        out.write_midi_event(0, b"\\xfa")
        state["next"] = here + 200
    if state["next"] is not None:
        due = []
        while state["next"] < here + frames:
            due.append(int(state["next"]) - here)
            state["next"] += state["pulse_frames"]
    else:
        due = []
    flood = state["flood"]
    many = round((here + frames) * 10_000 / rate) - round(here * 10_000 / rate) if flood else 0
    events = sorted([(offset, b"\\xf8") for offset in due] +
                    [(row * frames // many, flood[(state["row"] + row) % len(flood)]) for row in range(many)])
    state["row"] += many
    for offset, data in events:
        try:
            out.write_midi_event(max(0, offset), data)
        except jack.JackError:  # the port is full
            break
    state["frame"] += frames

client.set_process_callback(process)
client.activate()
print("ready", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "tempo":
        state["pulse_frames"] = 60 * rate / float(rest[0]) / 24
    elif word == "start":
        state["start"] = True
    elif word == "pulses":  # without a start: a tempo and no song
        state["next"] = state["frame"] + 200
    elif word == "silence":
        state["next"] = None
    elif word == "flood":
        state["flood"] = [bytes.fromhex(one) for one in rest]
client.deactivate()
client.close()
"""

GARBAGE = [
    "992464",
    "892400",
    "b00a40",
    "f07e7f0601f7",
    "f0" + "55" * 40 + "f7",
    "e00040",
    "fe",
    "f104",
    "f5",
    "f2",
    "c005",
]


class Leader:
    """The program, and words for it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", LEADER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def do(self, *words: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()

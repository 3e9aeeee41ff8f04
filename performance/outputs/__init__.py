"""Where events go: MIDI ports, OSC addresses, a sound card, memory."""

"""The instrument: plays what `rvae` has learned. Never imports torch."""

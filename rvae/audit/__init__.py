"""The bias lab: what grid, map, corpus and model keep, lose and favour. See docs/bias-lab.md."""

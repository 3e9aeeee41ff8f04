"""rvae: rhythm spaces from small sets of drum clips."""

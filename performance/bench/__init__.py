"""`rvae bench`: figures of this machine, each lateness beside a bare loop of the same priority, in one run."""

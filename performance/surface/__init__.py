"""What a player sees and touches: drawing is a function of a snapshot, input a function of an event."""

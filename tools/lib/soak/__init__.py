"""What tools/soak consists of."""

"""The parts of tools/hostile."""

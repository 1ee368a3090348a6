"""The parts of tools/try-hardware."""

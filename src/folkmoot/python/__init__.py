"""The ways in from Python: one function per protocol, and refinery's stepping engine."""

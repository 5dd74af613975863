"""The ways in: each turns what comes in into a RunSpec, hands it on, and shows what comes back."""

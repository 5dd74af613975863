"""How replies are counted: pure functions from what was read to what is decided."""

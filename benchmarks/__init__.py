"""What Folkmoot costs: time, CPU, memory, durability. `python -m benchmarks.NAME` runs one; README.md has the table."""

"""How a run is shown: events and results as text, written to the stream one is given and nowhere else."""

"""From a question to a run on this machine: planning, starting, resuming and forking."""

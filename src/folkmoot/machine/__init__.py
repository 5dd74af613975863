"""What this machine has: configuration, panels, seats, credentials, servers and people."""

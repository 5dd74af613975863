"""What a record says, and whether it holds: recounting, verifying and exporting runs."""

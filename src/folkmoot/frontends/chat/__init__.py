"""The chat: a conversation with a panel. Each question is a run that gets the earlier turns."""

"""Facts that the agent carries: what environment makers and installers write, by content."""

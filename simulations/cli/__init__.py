"""The simulator at a terminal: commands, tables, files, progress."""

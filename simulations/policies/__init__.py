"""The laws that are compared: ours, the rivals as published, oracle and lower bound."""

"""The load generator: a trace against an OpenAI-compatible endpoint, open loop, and what came back."""

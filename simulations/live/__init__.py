"""The engine model served in real time: OpenAI's HTTP API and vLLM's metrics over ``simulations.engine``."""

"""The engine model: vLLM V1 scheduling over a roofline step time."""

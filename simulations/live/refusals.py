"""What a client is told when its request cannot be served, in the shape and words of vLLM 0.32."""


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """An HTTP error with vLLM's body. ``param`` names the field that is at fault."""

    def __init__(self, status: int, kind: str, message: str, param: str | None = None) -> None:
        self.status, self.kind, self.message, self.param = status, kind, message, param
        super().__init__(message)

    def body(self) -> dict[str, object]:
        """``{"error": {…}}``."""
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.status}
        return {"error": error}


def bad_request(message: str, param: str | None = None) -> Refusal:
    """400: what was asked for cannot be done."""
    return Refusal(400, "BadRequestError", message, param)


def invalid(message: str, param: str | None = None) -> Refusal:
    """400: the body is not what the path takes; FastAPI's kind of refusal, which vLLM words alike."""
    return Refusal(400, "Bad Request", f"1 validation error:\n  {message}", param)


def unknown_model(name: str, served: str) -> Refusal:
    """404: this server has another model."""
    message = f"The model `{name}` does not exist. Valid aliases: {served}."
    return Refusal(404, "NotFoundError", message, "model")


def too_long(limit: int, prompt: int) -> Refusal:
    """400: the prompt alone is more than the context. vLLM reads one token beyond it, and no further."""
    count = f"at least {prompt}" if prompt == limit + 1 else f"{prompt}"
    return bad_request(
        f"This model's maximum context length is {limit} tokens. However, your prompt contains {count} input "
        "tokens, which exceeds this limit even without any output tokens. Please reduce the length of the "
        f"input prompt. (parameter=input_tokens, value={prompt})",
        "input_tokens",
    )


def too_much(limit: int, wanted: int) -> Refusal:
    """400: no prompt would leave room for so long an answer."""
    return bad_request(
        f"max_tokens={wanted} cannot be greater than max_model_len={limit}. Please request fewer output "
        f"tokens. (parameter=max_tokens, value={wanted})",
        "max_tokens",
    )


def too_few(most: int) -> Refusal:
    """400: not a single token was asked for, or fits behind the prompt."""
    return bad_request(
        f"max_tokens must be at least 1, got {most}. (parameter=max_tokens, value={most})", "max_tokens"
    )


def broken(message: str) -> Refusal:
    """500: the engine is at fault."""
    return Refusal(500, "InternalServerError", message)

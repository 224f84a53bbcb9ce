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
    """400: the request itself is wrong."""
    return Refusal(400, "BadRequestError", message, param)


def unknown_model(name: str) -> Refusal:
    """404: this server has another model."""
    return Refusal(404, "NotFoundError", f"The model `{name}` does not exist.", "model")


def too_long(limit: int, prompt: int, wanted: int) -> Refusal:
    """400: prompt and output are more than the context."""
    total = prompt + wanted
    return bad_request(
        f"This model's maximum context length is {limit} tokens. However, you requested {wanted} output "
        f"tokens and your prompt contains at least {prompt} input tokens, for a total of at least {total} "
        "tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
        "input_tokens",
    )


def broken(message: str) -> Refusal:
    """500: a fault that was asked for."""
    return Refusal(500, "InternalServerError", message)

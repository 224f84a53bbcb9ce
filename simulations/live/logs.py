"""Log lines of the process: as vLLM prints them, or one JSON object a line."""

import json
import logging
import sys
import time
from typing import Literal

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

LOGGER = logging.getLogger("hearth.engine")


class Json(logging.Formatter):
    """``{"ts", "level", "event"}``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = {"ts": f"{stamp}.{int(record.msecs):03}Z", "level": record.levelname.lower()}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps({**fields, "event": record.getMessage()}, ensure_ascii=False)


def _one_line(record: logging.LogRecord) -> bool:
    """Whoever sends what is no HTTP gets no stack trace into the log."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | RequestPayloadError):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = "Invalid HTTP request received: %s", (" ".join(str(error).split())[:200],)
        record.exc_info = record.exc_text = None
    return True


def set_up(form: Literal["plain", "json"]) -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(levelname)s %(asctime)s %(message)s", datefmt="%m-%d %H:%M:%S")
    handler.setFormatter(plain if form == "plain" else Json())
    handler.addFilter(_one_line)
    LOGGER.handlers[:] = logging.getLogger().handlers[:] = [handler]  # libraries too
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False

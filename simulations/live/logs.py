"""Log lines of the process: as vLLM prints them, or one JSON object a line."""

import json
import logging
import sys
import time
from typing import Literal

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


def set_up(form: Literal["plain", "json"]) -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(levelname)s %(asctime)s %(message)s", datefmt="%m-%d %H:%M:%S")
    handler.setFormatter(plain if form == "plain" else Json())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False

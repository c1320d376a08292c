"""gunicorn's settings; its command line wins.

The app's own settings are read here too, once, before there are workers, and the embedded Redis is started:
a worker that ends over either would be started again without end.
"""

import importlib

settings = importlib.import_module("b24app.settings")
if settings.EMBEDDED_REDIS_DIR:
    importlib.import_module("b24app.embedded").ensure(settings.EMBEDDED_REDIS_DIR)

# A quarter of them may wait for one portal: fewer threads, and one slow portal holds up the others.
threads = 16
control_socket_disable = True
# Bytes and numbers. A placement's address and a browser's headers have a tenth of it.
limit_request_line = 8190
limit_request_fields = 60
limit_request_field_size = 8190
# Seconds for requests under way when it is told to stop: the longest waits 65 s for a portal.
graceful_timeout = 70


def post_worker_init(worker):
    """Tell the app how many threads this process has, whoever set their number."""
    importlib.import_module("b24app.bitrix24.slots").OF_PROCESS.share(worker.cfg.threads)


_CONSOLE = {
    "class": "logging.StreamHandler",
    "formatter": "generic",
    "filters": ["masked", "traced"],
    "stream": "ext://sys.stderr",
}
# The same lines as the app's own, so that no request can write one into the log.
logconfig_dict = {
    "version": 1,
    "filters": {
        "masked": {"()": "b24app.bitrix24.masking.MaskingFilter"},
        "traced": {"()": "b24app.logs.Traced"},
    },
    "formatters": {"generic": {"()": "b24app.logs.formatter", "kind": settings.LOG_FORMAT}},
    "handlers": {"console": _CONSOLE, "error_console": _CONSOLE},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["error_console"], "propagate": False},
        # The app has a line of its own for each request, without the query.
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
    },
}

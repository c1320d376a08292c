"""gunicorn's settings; its command line wins.

The app's own settings are read here too, once, before there are workers, and the embedded Redis is started:
a worker that ends over either would be started again without end.
"""

import importlib

settings = importlib.import_module("b24app.settings")
if settings.EMBEDDED_REDIS_DIR:
    importlib.import_module("b24app.embedded").ensure(settings.EMBEDDED_REDIS_DIR)

threads = 4
control_socket_disable = True
# Seconds for requests under way when it is told to stop: the longest waits 65 s for a portal.
graceful_timeout = 70
if settings.LOG_FORMAT == "json":
    logconfig_dict = {
        "version": 1,
        "formatters": {"generic": {"()": "b24app.logs.JsonFormatter"}},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["error_console"], "propagate": False},
            # The app has a line of its own for each request, without the query.
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
        },
    }

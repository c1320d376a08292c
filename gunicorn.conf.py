"""gunicorn's settings; its command line wins.

The app's own settings are read here too, once, before there are workers: gunicorn would start a worker
that ends over them again and again, without end.
"""

import importlib

importlib.import_module("b24app.settings")

threads = 4
control_socket_disable = True

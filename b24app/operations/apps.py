from django.apps import AppConfig


class OperationsConfig(AppConfig):
    # An app though it owns no table: Django looks for commands in apps alone.
    name = "b24app.operations"
    label = "operations"

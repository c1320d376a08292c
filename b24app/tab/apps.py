from django.apps import AppConfig


class TabConfig(AppConfig):
    name = "b24app.tab"
    label = "tab"
    default_auto_field = "django.db.models.BigAutoField"

from django.apps import AppConfig


class AutomationConfig(AppConfig):
    name = "b24app.automation"
    label = "automation"
    default_auto_field = "django.db.models.BigAutoField"

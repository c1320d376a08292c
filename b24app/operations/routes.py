"""The operator's admin site; included only with OPERATOR_ADMIN on."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("", admin.site.urls)]

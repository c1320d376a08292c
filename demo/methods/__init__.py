"""The REST methods the app calls, each as its page of the documentation describes it."""

from demo.methods import (
    bindings,
    crm,
    links,
    notices,
    options,
    payments,
    people,
    pipeline,
    portal,
    shipments,
    store,
)
from demo.methods.registry import METHODS, Caller, Failure, Found

__all__ = ["METHODS", "Caller", "Failure", "Found"]

# Importing a module registers its methods.
AREAS = (
    bindings,
    crm,
    links,
    notices,
    options,
    payments,
    people,
    pipeline,
    portal,
    shipments,
    store,
)

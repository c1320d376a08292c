"""What tests and benches share: the app as processes, its people and pages, databases, ports, waiting.

Imports the app and the demo portal; neither of them, nor ``tests``, ``bench`` or ``tools``, is imported back.
"""

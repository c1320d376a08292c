"""A Bitrix24 portal on your own machine: authorization server, REST, pages with the frame protocol.

For ``make demo`` and the tests. The app never imports it, and it imports nothing of the app: it
follows the vendor's documentation, so that a disagreement is the app's mistake.
"""

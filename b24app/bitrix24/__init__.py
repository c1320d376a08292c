"""The Bitrix24 protocol: calls, batches, pages, tokens, errors. No Django and no Celery here."""

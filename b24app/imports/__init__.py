"""Files and pasted text become rows: what was recognized, and what is doubtful. No Django, no Celery."""

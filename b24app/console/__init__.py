"""The administrator's console: health, links, audit, settings; a friendly page for everybody else."""

from django.db import migrations, models

KINDS = [
    ("link", "Link"),
    ("unlink", "Unlink"),
    ("move", "Move"),
    ("restore", "Restore"),
    ("status", "Status"),
    ("responsible", "Responsible"),
    ("comment", "Comment"),
    ("export", "Export"),
]
VERDICTS = [
    ("link", "Link"),
    ("move", "Move"),
    ("unlink", "Unlink"),
    ("change", "Change"),
    ("cancel", "Cancel"),
    ("export", "Export"),
    ("already", "Already"),
    ("elsewhere", "Elsewhere"),
    ("no_order", "No Order"),
    ("several", "Several"),
    ("no_card", "No Card"),
    ("no_right", "No Right"),
    ("twice", "Twice"),
    ("bad", "Bad"),
    ("doubt", "Doubt"),
]


class Migration(migrations.Migration):
    """Values of rows may be as long as a comment. New choices are nothing to the database.

    PostgreSQL makes text of a shorter text without rewriting the table.
    """

    dependencies = [
        ("jobs", "0009_columns_chosen"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="job",
                    name="kind",
                    field=models.CharField(choices=KINDS, max_length=11),
                ),
                migrations.AlterField(
                    model_name="job",
                    name="subject",
                    field=models.CharField(
                        choices=KINDS,
                        help_text="What it changes: an undo, what that job did",
                        max_length=11,
                    ),
                ),
                migrations.AlterField(
                    model_name="jobitem",
                    name="verdict",
                    field=models.CharField(blank=True, choices=VERDICTS, max_length=9),
                ),
            ]
        ),
        migrations.AlterField(
            model_name="job",
            name="wanted",
            field=models.TextField(
                blank=True,
                help_text="Card, status, person or comment for every row without its own",
            ),
        ),
        migrations.AlterField(
            model_name="jobitem",
            name="expected",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="jobitem", name="seen", field=models.TextField(blank=True)
        ),
        migrations.AlterField(
            model_name="jobitem", name="wanted", field=models.TextField(blank=True)
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0009_columns_chosen"),
    ]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("link", "Link"),
                    ("unlink", "Unlink"),
                    ("move", "Move"),
                    ("restore", "Restore"),
                    ("status", "Status"),
                    ("responsible", "Responsible"),
                    ("comment", "Comment"),
                    ("export", "Export"),
                ],
                max_length=11,
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="subject",
            field=models.CharField(
                choices=[
                    ("link", "Link"),
                    ("unlink", "Unlink"),
                    ("move", "Move"),
                    ("restore", "Restore"),
                    ("status", "Status"),
                    ("responsible", "Responsible"),
                    ("comment", "Comment"),
                    ("export", "Export"),
                ],
                help_text="What it changes: an undo, what that job did",
                max_length=11,
            ),
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
            model_name="jobitem",
            name="seen",
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name="jobitem",
            name="verdict",
            field=models.CharField(
                blank=True,
                choices=[
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
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="jobitem",
            name="wanted",
            field=models.TextField(blank=True),
        ),
    ]

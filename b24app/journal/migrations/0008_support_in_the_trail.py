from django.db import migrations, models


class Migration(migrations.Migration):
    """A new choice is nothing to the database."""

    dependencies = [
        ("journal", "0007_request_log"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="auditentry",
                    name="kind",
                    field=models.CharField(
                        choices=[
                            ("link", "Link"),
                            ("status", "Status"),
                            ("responsible", "Responsible"),
                            ("amount", "Amount"),
                            ("setting", "Setting"),
                            ("access", "Access"),
                            ("support", "Support"),
                        ],
                        default="link",
                        max_length=12,
                    ),
                ),
            ]
        ),
    ]

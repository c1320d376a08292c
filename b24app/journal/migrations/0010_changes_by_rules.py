from django.db import migrations, models


class Migration(migrations.Migration):
    """A new choice is nothing to the database."""

    dependencies = [
        ("journal", "0009_managing_in_the_trail"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="auditentry",
                    name="through",
                    field=models.CharField(
                        choices=[
                            ("tab", "Tab"),
                            ("order_card", "Order Card"),
                            ("job", "Job"),
                            ("undo", "Undo"),
                            ("console", "Console"),
                            ("opening", "Opening"),
                            ("rule", "Rule"),
                        ],
                        max_length=10,
                    ),
                ),
            ]
        ),
    ]

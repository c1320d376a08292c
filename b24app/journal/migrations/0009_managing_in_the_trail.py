from django.db import migrations, models


class Migration(migrations.Migration):
    """New choices are nothing to the database."""

    dependencies = [
        ("journal", "0008_support_in_the_trail"),
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
                            ("comment", "Comment"),
                            ("cancelled", "Cancelled"),
                            ("payment", "Payment"),
                            ("shipment", "Shipment"),
                            ("tracking", "Tracking"),
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

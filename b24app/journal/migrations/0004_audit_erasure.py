import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What Django does before it deletes; the database stays as it is."""

    dependencies = [("journal", "0003_audit_search")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="auditentry",
                    name="undoes",
                    field=models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="undone_by",
                        to="journal.auditentry",
                    ),
                )
            ]
        )
    ]

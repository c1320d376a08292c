from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0004_places_and_retention"),
    ]

    operations = [
        migrations.AddField(
            model_name="portal",
            name="removal_clean",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The report asks for the portal's data to be erased",
            ),
        ),
        migrations.AddField(
            model_name="portal",
            name="removal_look_at",
            field=models.DateTimeField(
                blank=True, help_text="When that is looked at again", null=True
            ),
        ),
        migrations.AddField(
            model_name="portal",
            name="removal_told_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the removal of the app was reported that nobody has confirmed yet",
                null=True,
            ),
        ),
    ]

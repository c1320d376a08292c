from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0006_token_proofs"),
    ]

    operations = [
        migrations.AddField(
            model_name="portal",
            name="utc_offset",
            field=models.SmallIntegerField(
                db_default=0,
                default=0,
                help_text="Minutes that the portal's clock is ahead of UTC",
            ),
        ),
    ]

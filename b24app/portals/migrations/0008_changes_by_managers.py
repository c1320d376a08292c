from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portals", "0007_utc_offset"),
    ]

    operations = [
        migrations.AddField(
            model_name="portal",
            name="allow_cancel",
            field=models.BooleanField(
                db_default=False, default=False, help_text="People may cancel orders from the app"
            ),
        ),
        migrations.AddField(
            model_name="portal",
            name="allow_pay",
            field=models.BooleanField(
                db_default=False, default=False, help_text="People may mark payments as paid"
            ),
        ),
        migrations.AddField(
            model_name="portal",
            name="allow_ship",
            field=models.BooleanField(
                db_default=False, default=False, help_text="People may mark shipments as shipped"
            ),
        ),
    ]

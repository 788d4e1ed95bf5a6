"""What is written before the constraints hold is made to fit them: small letters, words on one line."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0003_words_and_addresses"),
        ("offers", "0005_pictures_and_material"),
        ("portal", "0011_words_and_addresses"),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE offers_offer SET title = btrim(regexp_replace(title, '[[:cntrl:][:space:]]+', ' ', 'g')) WHERE title ~ '[[:cntrl:]]' OR (title <> '' AND title !~ '[^[:space:]]')",
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("title", ""), ("title__regex", "\\S"), _connector="OR"),
                    models.Q(("title__regex", "[[:cntrl:]]"), _negated=True),
                ),
                name="offer_title_is_words_on_one_line",
                violation_error_message="Write the title on one line.",
            ),
        ),
    ]

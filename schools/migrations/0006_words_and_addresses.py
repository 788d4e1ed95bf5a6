"""What is written before the constraints hold is made to fit them: small letters, words on one line."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("schools", "0005_institution_number"),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE schools_school SET name = coalesce(nullif(btrim(regexp_replace(name, '[[:cntrl:][:space:]]+', ' ', 'g')), ''), '–') WHERE name ~ '[[:cntrl:]]' OR name !~ '[^[:space:]]'",
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name="school",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "\\S"), models.Q(("name__regex", "[[:cntrl:]]"), _negated=True)),
                name="school_name_is_words_on_one_line",
                violation_error_message="Write the name on one line.",
            ),
        ),
    ]

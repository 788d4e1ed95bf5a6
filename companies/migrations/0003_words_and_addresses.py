"""What is written before the constraints hold is made to fit them: small letters, words on one line."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0002_initial"),
        ("portal", "0011_words_and_addresses"),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE companies_company SET email = lower(email), name = coalesce(nullif(btrim(regexp_replace(name, '[[:cntrl:][:space:]]+', ' ', 'g')), ''), '–') WHERE email <> lower(email) OR name ~ '[[:cntrl:]]' OR name !~ '[^[:space:]]'",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "UPDATE companies_contact SET email = lower(email), name = coalesce(nullif(btrim(regexp_replace(name, '[[:cntrl:][:space:]]+', ' ', 'g')), ''), '–') WHERE email <> lower(email) OR name ~ '[[:cntrl:]]' OR name !~ '[^[:space:]]'",
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name="company",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "\\S"), models.Q(("name__regex", "[[:cntrl:]]"), _negated=True)),
                name="company_name_is_words_on_one_line",
                violation_error_message="Write the name on one line.",
            ),
        ),
        migrations.AddConstraint(
            model_name="company",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="company_email_is_in_small_letters",
                violation_error_message="Write the e-mail address in small letters.",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "\\S"), models.Q(("name__regex", "[[:cntrl:]]"), _negated=True)),
                name="contact_name_is_words_on_one_line",
                violation_error_message="Write the name on one line.",
            ),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="contact_email_is_in_small_letters",
                violation_error_message="Write the e-mail address in small letters.",
            ),
        ),
    ]

"""What is written before the constraints hold is made to fit them: small letters, words on one line."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("portal", "0010_uploads"),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE portal_user SET email = lower(email), name = regexp_replace(name, '[[:cntrl:]]+', ' ', 'g') WHERE email <> lower(email) OR name ~ '[[:cntrl:]]'",
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="user_email_is_in_small_letters",
                violation_error_message="Write the e-mail address in small letters.",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "[[:cntrl:]]"), _negated=True),
                name="user_name_stands_on_one_line",
                violation_error_message="Write the name on one line.",
            ),
        ),
    ]

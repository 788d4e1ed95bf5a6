"""A held visit counts its pupils: the rule let an empty number through. A draw that is over binds the opening no more."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.models import F, OuterRef, Q, Subquery


def fill(apps: Apps, _schema_editor: object) -> None:
    """Count as many as were enrolled where the number is missing; no use-case ever left it out."""
    enrolled = apps.get_model("offers", "Enrolment").objects.filter(pk=OuterRef("enrolment")).values("pupils")
    reports = apps.get_model("offers", "VisitReport").objects.filter(outcome__in=["held", "partly"], pupils=None)
    reports.update(pupils=Subquery(enrolled))


class Migration(migrations.Migration):
    dependencies = [("offers", "0008_enrolment_rules")]

    operations = [
        migrations.RemoveConstraint(model_name="visitreport", name="visit_report_counts_who_was_there"),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="visitreport",
            constraint=models.CheckConstraint(
                name="visit_report_counts_who_was_there",
                condition=~Q(outcome__in=["held", "partly"]) | Q(pupils__isnull=False, pupils__gte=1, pupils__lte=60),
                violation_error_message="Write how many pupils were there, between 1 and 60.",
            ),
        ),
        migrations.RemoveConstraint(model_name="session", name="session_draws_while_it_is_open"),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                name="session_draws_while_it_is_open",
                condition=Q(draw_at__isnull=True)
                | Q(drawn_at__isnull=False)
                | (Q(draw_at__gt=F("opens_at")) & Q(draw_at__lte=F("closes_at"))),
                violation_error_message="The draw must be after enrolment opens and before it closes.",
            ),
        ),
    ]

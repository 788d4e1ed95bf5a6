from django.apps import AppConfig
from django.contrib.admin import apps as admin
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = _("Portal")
    default = True

    def ready(self) -> None:
        from portal import accounts  # noqa: PLC0415 (models are there only now)

        accounts.listen()


class DeskConfig(admin.AdminConfig):
    """Django's admin with the portal's own door (``portal.desk.DeskSite``)."""

    default = False
    default_site = "portal.desk.DeskSite"

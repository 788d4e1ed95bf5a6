"""Schools, classes and people at the desk."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin

from offers.admin.personal_data import MENU, PersonalDataDeeds
from portal.models import User
from schools.admin import PersonDesk, SchoolClassDesk, SchoolDesk
from schools.models import School, SchoolClass


@admin.register(User)
class PersonWithDataDesk(PersonalDataDeeds, PersonDesk):
    """The people, with what a coordinator does about their data."""

    actions_detail: ClassVar[Any] = (MENU,)

    def fitting(self, obj: Any) -> Iterable[str]:
        return self.personal(obj)


admin.site.register(School, SchoolDesk)
admin.site.register(SchoolClass, SchoolClassDesk)

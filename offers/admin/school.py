"""Schools, classes and people at the desk."""

from django.contrib import admin

from portal.models import User
from schools.admin import PersonDesk, SchoolClassDesk, SchoolDesk
from schools.models import School, SchoolClass

admin.site.register(School, SchoolDesk)
admin.site.register(SchoolClass, SchoolClassDesk)
admin.site.register(User, PersonDesk)

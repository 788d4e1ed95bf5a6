"""Addresses: the ground's own, and those of the apps above it (named as strings)."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from portal import errors
from portal.views import demo, files, links, pages

urlpatterns = [
    path("theme.css", pages.theme, name="theme"),
    path("logo/<uuid:upload_id>/", files.logo, name="logo"),
    path("healthz/", pages.healthz, name="healthz"),
    path("tilgaengelighed/", pages.accessibility, name="accessibility"),
    path("privatliv/", pages.privacy, name="privacy"),
    # Without the token, so that a page one only reads sets no cookie; choosing a language harms nobody.
    path("sprog/", csrf_exempt(login_not_required(set_language)), name="set_language"),
    path("l/<str:token>/", links.landing, name="link-landing"),
    path("demo/ur/", demo.demo_clock, name="demo-clock"),
    path("demo/mails/", demo.demo_mails, name="demo-mails"),
    path("demo/mails/<str:name>/", demo.demo_mail, name="demo-mail"),
    path("demo/mails/<str:name>/html/", demo.demo_mail_html, name="demo-mail-html"),
    path("demo/mails/<str:name>/<int:index>/", demo.demo_mail_file, name="demo-mail-file"),
    path("konto/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("offers.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error

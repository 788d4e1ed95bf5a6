"""Addresses: the ground's own, and those of the apps above it (named as strings)."""

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.usersessions import views as usersessions
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from django.views.i18n import set_language

from portal import errors
from portal.http import recently_authenticated
from portal.views import demo, files, links, pages, personal_data, sign_in, staying

# What allauth brings along treats PUT as POST.
get_or_post = require_http_methods(["GET", "HEAD", "POST"])

second_factors = [
    path("", factors.index, name="mfa_index"),
    path("login/", get_or_post(factors.authenticate), name="mfa_authenticate"),
    path("igen/", get_or_post(factors.reauthenticate), name="mfa_reauthenticate"),
    path("app/", get_or_post(recently_authenticated(totp.activate_totp)), name="mfa_activate_totp"),
    path("app/fjern/", get_or_post(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("noedkoder/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("noedkoder/nye/", get_or_post(recovery_codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("adgangsnoegler/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("adgangsnoegler/ny/", get_or_post(recently_authenticated(webauthn.add_webauthn)), name="mfa_add_webauthn"),
    path("adgangsnoegler/igen/", get_or_post(webauthn.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("adgangsnoegler/login/", get_or_post(webauthn.login_webauthn), name="mfa_login_webauthn"),
    path("adgangsnoegler/<int:pk>/fjern/", get_or_post(webauthn.remove_webauthn), name="mfa_remove_webauthn"),
    path("adgangsnoegler/<int:pk>/navn/", get_or_post(webauthn.edit_webauthn), name="mfa_edit_webauthn"),
]

urlpatterns = [
    path("theme.css", pages.theme, name="theme"),
    path("logo/<uuid:upload_id>/", files.logo, name="logo"),
    path(".well-known/security.txt", pages.security_txt, name="security-txt"),
    path("healthz/", pages.healthz, name="healthz"),
    path("tilgaengelighed/", pages.accessibility, name="accessibility"),
    path("privatliv/", pages.privacy, name="privacy"),
    # Without the token, so that a page one only reads sets no cookie; choosing a language harms nobody.
    path("sprog/", csrf_exempt(login_not_required(set_language)), name="set_language"),
    path("l/farvel/", links.leave, name="link-leave"),
    path("l/nyt-link/<uuid:link_id>/", links.again, name="link-again"),
    re_path(r"^l/(?P<token>uns_.+)$", links.unsubscribe, name="unsubscribe"),
    # Whatever follows: with or without the last slash, with what mail programs glue behind it, and nonsense.
    re_path(r"^l/(?P<token>.+)$", links.landing, name="link-landing"),
    path("demo/ur/", demo.demo_clock, name="demo-clock"),
    path("demo/koder/", demo.demo_codes, name="demo-codes"),
    path("demo/mails/", demo.demo_mails, name="demo-mails"),
    path("demo/mails/<str:name>/", demo.demo_mail, name="demo-mail"),
    path("demo/mails/<str:name>/html/", demo.demo_mail_html, name="demo-mail-html"),
    path("demo/mails/<str:name>/<int:index>/", demo.demo_mail_file, name="demo-mail-file"),
    # Signing in. What allauth brings along is named one by one: its ways by password and of registering do not exist.
    path("konto/mine-oplysninger/", personal_data.mine, name="my-data"),
    path("konto/mine-oplysninger/hent/", personal_data.take, name="my-data-take"),
    path("konto/mine-oplysninger/mails/", personal_data.mails, name="my-data-mails"),
    path("konto/mine-oplysninger/slet/", personal_data.ask_erasure, name="my-data-erase"),
    path("konto/login/", sign_in.address, name="account_login"),
    path("konto/login/kode/", sign_in.code, name="sign-in-code"),
    path("konto/login/mail/", sign_in.elsewhere, name="sign-in-elsewhere"),
    path("konto/igen/", sign_in.again, name="account_reauthenticate"),
    path("konto/logout/", get_or_post(account.logout), name="account_logout"),
    path("konto/bliv/", staying.stay_signed_in, name="stay-signed-in"),
    path("konto/lukket/", account.account_inactive, name="account_inactive"),
    path("konto/steder/", get_or_post(usersessions.list_usersessions), name="usersessions_list"),
    path("konto/to-trin/", include(second_factors)),
    path("konto/ind/", include("portal.oidc.urls")),
    path("admin/", admin.site.urls),
    path("", include("offers.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error

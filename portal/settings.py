"""The portal's settings: one file, read from the environment (see ``portal.env`` and ``.env.example``).

The demo, the tests and production run this same file; only environment variables differ.
"""

from pathlib import Path

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from portal import env
from portal.logs import configuration as logging_configuration

# Django's classes take their type parameters at run time too, as its type stubs have them.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")
SECRET_KEY = env.text("SECRET_KEY")
LINK_KEY = env.text("LINK_KEY")
ORIGIN = env.text("ORIGIN").rstrip("/")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = [ORIGIN]
HTTPS = ORIGIN.startswith("https://")
# How many proxies of ours stand before the web server; what they say of the client is believed, see portal.http.
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)

INSTALLED_APPS = [
    "offers",
    "companies",
    "schools",
    "portal",
    "unfold.apps.BasicAppConfig",
    "portal.apps.DeskConfig",
    "portal.oidc",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "django_filters",
    "django_htmx",
    "template_partials",
]

# The first four write headers: nothing leaves without them, not even what the others refuse.
MIDDLEWARE = [
    "portal.middleware.ClientInLog",
    "portal.middleware.SafeHeaders",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.AdminContentSecurity",
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.RefuseLargeBodies",
    "portal.middleware.RefuseControlCharacters",
    "portal.middleware.TidyWords",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.CsrfProtection",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.middleware.SessionLimits",
    "portal.middleware.ChosenLanguage",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.FriendlyErrors",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["portal.templatetags.look"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "portal.context.portal",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {
    "default": env.database(
        pool_size=env.number("DATABASE_POOL_SIZE", 0), prepare_after=env.number("DATABASE_PREPARE_AFTER", 5)
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis is the broker and nothing else. Sessions, counters and shared cache entries live in PostgreSQL:
# with Redis away nobody is logged out and no limit is lost.
SESSION_ENGINE = "portal.sessions"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        # Django's own 300 would throw away counted wrong codes and used ones, a third of them at once.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Signing in: a code by mail (``portal.domain.sign_in``), a passkey, or the door of another house (``portal.oidc``).
# There are no passwords; who has a role in the municipality needs a second factor.
AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = ["portal.sessions.SignedIn"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "portal.accounts.PortalAccounts"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
# A school is one address: nothing is counted by address. What is counted by account is the wrong code of a second
# factor, which only its owner's mailbox leads to.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/5m/key", "reauthenticate": "30/m/user"}
SOCIALACCOUNT_ADAPTER = "portal.oidc.views.OtherHouses"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
OTHER_HOUSES = env.houses()
SOCIALACCOUNT_PROVIDERS = {"oidc": {"APPS": [house.app for house in OTHER_HOUSES]}}
MFA_ADAPTER = "portal.accounts.SecondFactors"
MFA_FORMS = {
    "authenticate": "portal.forms.sign_in.SecondFactorForm",
    "reauthenticate": "portal.forms.sign_in.SecondFactorAgainForm",
    "activate_totp": "portal.forms.sign_in.NewAppForm",
    "add_webauthn": "portal.forms.sign_in.NewPasskeyForm",
    "authenticate_webauthn": "portal.forms.sign_in.PasskeyForm",
    "login_webauthn": "portal.forms.sign_in.PasskeyAloneForm",
    "reauthenticate_webauthn": "portal.forms.sign_in.PasskeyAgainForm",
}
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_TOLERANCE = 1
MFA_RATE_LIMITS = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

LANGUAGE_CODE = "da"
LANGUAGES = [("da", _("Danish")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "__Host-language" if HTTPS else "django_language"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
TIME_ZONE = "Europe/Copenhagen"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if env.flag("STATIC_HASHED", default=not DEBUG)
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not env.flag("STATIC_HASHED", default=not DEBUG)
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(BASE_DIR / "media")))
# Where each erasure is noted outside of the database (a path; nothing: nowhere).
ERASURE_LEDGER = env.text("ERASURE_LEDGER", "")

EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "aabenskole@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
DEMO_MAIL_DIR = Path(env.text("DEMO_MAIL_DIR", str(BASE_DIR / "var" / "mails")))

# The broker. Beat's schedule stands in ``portal.celery``; results are never stored.
REDIS_URL = env.text("REDIS_URL")
HEARTBEAT_DIR = Path(env.text("HEARTBEAT_DIR", "/tmp"))  # noqa: S108 (a file's age is all it holds)

# Safety. Everything is on unless the origin is plain http, as in the demo on one's own machine.
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz/$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
# The check looks for Django's own class by its name; ours is a subclass of it.
SILENCED_SYSTEM_CHECKS = ["security.W003"]
CSRF_FAILURE_VIEW = "portal.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
# What is told once stands in the session: no further cookie, and none that others could write.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# Where weaknesses are reported (https:// or mailto:); without it, the municipality's own address is named.
SECURITY_CONTACT = env.text("SECURITY_CONTACT", "")
# Off for everybody, ourselves included; passkeys, which need a permission, are for our own pages.
PERMISSIONS_POLICY = ", ".join(
    [
        *(
            f"{power}=()"
            for power in (
                "accelerometer",
                "autoplay",
                "camera",
                "display-capture",
                "encrypted-media",
                "fullscreen",
                "geolocation",
                "gyroscope",
                "hid",
                "idle-detection",
                "local-fonts",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "picture-in-picture",
                "screen-wake-lock",
                "serial",
                "usb",
                "xr-spatial-tracking",
            )
        ),
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    ]
)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # Browsers hold the way to another house's door against this, redirections included.
        "form-action": [SELF, *(origin for house in OTHER_HOUSES for origin in house.origins)],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
        **({"upgrade-insecure-requests": True} if HTTPS else {}),
    }
}
# What the admin's theme cannot do without: Alpine.js evaluates expressions, and the theme writes style
# attributes. Its <style> blocks carry a nonce (templates/unfold, templates/admin).
ADMIN_CONTENT_SECURITY = {
    "script-src": [SELF, "'unsafe-eval'", NONCE],
    "style-src": [SELF, NONCE],
    "style-src-attr": ["'unsafe-inline'"],
}

# The upward glance is a string: the ground discovers these in every app.
UNFOLD = {
    "SITE_TITLE": "portal.desk.site_title",
    "SITE_HEADER": "portal.desk.site_title",
    "SITE_SUBHEADER": _("Open school: the coordinator's desk"),
    "SITE_URL": "/",
    "SITE_ICON": "portal.desk.mark",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "portal.desk.favicon"}],
    "STYLES": ["portal.desk.style_sheet"],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": True,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "8px",
    "DASHBOARD_CALLBACK": "offers.admin.dashboard.dashboard",
    "COLORS": "portal.desk.colors",
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "offers.admin.dashboard.navigation",
    },
}

LOGGING_CONFIG = None
logging_configuration(json=not DEBUG and not DEMO)

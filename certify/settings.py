"""Settings, from the environment only. `docs/settings.md` lists every name; a test keeps the two equal."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

#: "production" unless said otherwise; the embedded stack says "demo", the tests say "test".
ENVIRONMENT = env("CERTIFY_ENV", default="production")
IS_PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])

if ENVIRONMENT not in {"production", "demo", "test"}:
    raise ImproperlyConfigured(f"CERTIFY_ENV is {ENVIRONMENT!r}; it must be production, demo or test.")
if IS_PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG is on. Certify does not run with DEBUG in production: unset DEBUG.")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. Set it to a long random text and keep it secret.")
if IS_PRODUCTION and len(SECRET_KEY) < 40:
    raise ImproperlyConfigured("SECRET_KEY is too short to be safe. Set it to at least 40 random characters.")
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is empty. Set it to the host names Certify is reached by, with commas.")
if IS_PRODUCTION and "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is *, which lets anybody forge addresses in mails. Name the hosts.")

CERTIFY_DATA_DIR = Path(env("CERTIFY_DATA_DIR", default=str(BASE_DIR / "var")))
CERTIFY_BASE_URL = env("CERTIFY_BASE_URL", default=f"https://{ALLOWED_HOSTS[0]}").rstrip("/")
CERTIFY_LEDGER_KEY_FILE = Path(env("CERTIFY_LEDGER_KEY_FILE", default=str(CERTIFY_DATA_DIR / "ledger-key.json")))
CERTIFY_LEDGER_KEY = env("CERTIFY_LEDGER_KEY", default="")
CERTIFY_LEDGER_KEY_NEXT = env("CERTIFY_LEDGER_KEY_NEXT", default="")
CERTIFY_LEDGER_ORIGIN = env("CERTIFY_LEDGER_ORIGIN", default="certify.local/ledger")
CERTIFY_LEDGER_LOG_DIR = env("CERTIFY_LEDGER_LOG_DIR", default=str(CERTIFY_DATA_DIR / "ledger-log"))
CERTIFY_LEDGER_PUBLIC = env.bool("CERTIFY_LEDGER_PUBLIC", default=False)
CERTIFY_LEDGER_WITNESSES = env("CERTIFY_LEDGER_WITNESSES", default="").replace(",", " ").split()
CERTIFY_ANCHOR_EVERY = env.int("CERTIFY_ANCHOR_EVERY", default=100)
CERTIFY_ANCHOR_HOURS = env.int("CERTIFY_ANCHOR_HOURS", default=24)
CERTIFY_ANCHOR_TSA_URL = env("CERTIFY_ANCHOR_TSA_URL", default="")
CERTIFY_ANCHOR_TSA_ROOTS = env("CERTIFY_ANCHOR_TSA_ROOTS", default="")
CERTIFY_ANCHOR_MAIL_TO = env.list("CERTIFY_ANCHOR_MAIL_TO", default=[])
CERTIFY_ANCHOR_FILE = env("CERTIFY_ANCHOR_FILE", default="")
CERTIFY_ANCHOR_S3 = env("CERTIFY_ANCHOR_S3", default="")
CERTIFY_ANCHOR_S3_DAYS = env.int("CERTIFY_ANCHOR_S3_DAYS", default=2557)
CERTIFY_LEDGER_LOG_S3 = env("CERTIFY_LEDGER_LOG_S3", default="")
CERTIFY_LEDGER_LOG_S3_DAYS = env.int("CERTIFY_LEDGER_LOG_S3_DAYS", default=0)
CERTIFY_PACKS_S3 = env("CERTIFY_PACKS_S3", default="")
CERTIFY_S3_ENDPOINT = env("CERTIFY_S3_ENDPOINT", default="")
CERTIFY_UPLOAD_LIMIT_MB = env.int("CERTIFY_UPLOAD_LIMIT_MB", default=512)
CERTIFY_ROW_LIMIT = env.int("CERTIFY_ROW_LIMIT", default=10_000_000)
CERTIFY_PAGE_ROWS = env.int("CERTIFY_PAGE_ROWS", default=100)
#: A folder of typefaces for the report of packs, besides those that it brings.
CERTIFY_REPORT_FONTS = env("CERTIFY_REPORT_FONTS", default="")
CERTIFY_CREDENTIAL_DAYS = env.int("CERTIFY_CREDENTIAL_DAYS", default=365)
CERTIFY_PRIVILEGED_REMOVAL_DAYS = env.int("CERTIFY_PRIVILEGED_REMOVAL_DAYS", default=1)
CERTIFY_WEBHOOK_NETWORKS = env.list("CERTIFY_WEBHOOK_NETWORKS", default=[])
CERTIFY_LDAP_PLAIN = env.bool("CERTIFY_LDAP_PLAIN", default=False)
CERTIFY_RETENTION_MARGIN_DAYS = env.int("CERTIFY_RETENTION_MARGIN_DAYS", default=30)
CERTIFY_TWO_FACTOR_ROLES = env.list("CERTIFY_TWO_FACTOR_ROLES", default=["auditor"])
CERTIFY_TIME_ZONE = env("CERTIFY_TIME_ZONE", default="UTC")
CERTIFY_LANGUAGE = env("CERTIFY_LANGUAGE", default="en")
CERTIFY_INSECURE_HTTP = env.bool("CERTIFY_INSECURE_HTTP", default=False)
CERTIFY_PROXY_COUNT = env.int("CERTIFY_PROXY_COUNT", default=0)
CERTIFY_HSTS_SECONDS = env.int("CERTIFY_HSTS_SECONDS", default=31_536_000)

KNOWN_ROLES = {"administrator", "control_owner", "reviewer", "system_owner", "auditor"}
if unknown := set(CERTIFY_TWO_FACTOR_ROLES) - KNOWN_ROLES:
    raise ImproperlyConfigured(f"CERTIFY_TWO_FACTOR_ROLES names {min(unknown)!r}; there are {', '.join(sorted(KNOWN_ROLES))}.")
try:
    ZoneInfo(CERTIFY_TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError, OSError):
    raise ImproperlyConfigured(f"CERTIFY_TIME_ZONE is {CERTIFY_TIME_ZONE!r}; name a zone such as Europe/Berlin.") from None
if CERTIFY_ANCHOR_TSA_URL and not (CERTIFY_ANCHOR_TSA_URL.startswith(("https://", "http://")) and CERTIFY_ANCHOR_TSA_ROOTS):
    raise ImproperlyConfigured("CERTIFY_ANCHOR_TSA_URL is an http(s) address and needs CERTIFY_ANCHOR_TSA_ROOTS, a PEM file.")

for name in ("CERTIFY_ANCHOR_S3", "CERTIFY_LEDGER_LOG_S3", "CERTIFY_PACKS_S3"):
    if (address := globals()[name]) and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\x21-\x7e]*)?", address):
        raise ImproperlyConfigured(f"{name} is {address!r}; it must be like s3://bucket or s3://bucket/folder.")
if CERTIFY_ANCHOR_S3_DAYS < 1:
    raise ImproperlyConfigured("CERTIFY_ANCHOR_S3_DAYS must be at least 1: so many days nobody can delete a checkpoint.")

INSTALLED_APPS = [
    "ledger",
    "people",
    "inventory",
    "campaigns",
    "remediation",
    "evidence",
    "certify",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_celery_beat",
    "django_htmx",
    "auditlog",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "certify.middleware.NoCopiesMiddleware",
    "certify.middleware.KnownAddressesMiddleware",
    "certify.middleware.UploadLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "axes.middleware.AxesMiddleware",
    "certify.middleware.LanguageMiddleware",
    "people.middleware.SecondFactorMiddleware",
]

ROOT_URLCONF = "certify.urls"
WSGI_APPLICATION = "certify.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "certify.navigation.navigation",
            ],
            # In every template without a line of its own: marks of what is translated, and dates in the reader's language.
            "builtins": ["django.templatetags.i18n", "certify.templatetags.dates"],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default="postgres://certify_app@127.0.0.1:5432/certify")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
#: Seconds that anybody waits for Redis. One that is there and silent would otherwise hold every thread that asks it.
REDIS_PATIENCE = {"socket_connect_timeout": 2, "socket_timeout": 5}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "OPTIONS": REDIS_PATIENCE}
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 6 * 3600
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 7 * 3600,
    # A page that nudges a task does not wait for a broker that is down; the worker itself keeps trying.
    "max_retries": 1,
    "interval_start": 0,
    "interval_max": 0.1,
    **REDIS_PATIENCE,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_SYNC_EVERY = 10  # calls between two notes of when each was last made, which `check_health --beat` reads
CELERY_TIMEZONE = "UTC"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
if ENVIRONMENT == "test":  # the real hash takes a third of a second, on purpose
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "people:sign-in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "people:sign-in"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HANDLER = "people.lockout.Handler"
AXES_CLIENT_IP_CALLABLE = "people.lockout.origin"
AXES_LOCKOUT_CALLABLE = "people.views.sessions.locked_out"
# An attempt during a lockout does not prolong it, so that "try again in 15 minutes" stays true. The ledger logs sign-ins.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not CERTIFY_INSECURE_HTTP
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_SSL_REDIRECT = not CERTIFY_INSECURE_HTTP
SECURE_REDIRECT_EXEMPT = [r"^health/$"]  # probes ask the process itself, without the proxy that speaks TLS
SECURE_HSTS_SECONDS = 0 if CERTIFY_INSECURE_HTTP else CERTIFY_HSTS_SECONDS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CERTIFY_PROXY_COUNT else None
# Whether all of a domain's hosts speak TLS is for the owner of the domain to promise.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

AUDITLOG_DISABLE_REMOTE_ADDR = True

vars().update(env.email_url("EMAIL_URL", default="smtp://127.0.0.1:25"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="Certify <certify@localhost>")

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env("CERTIFY_STATIC_ROOT", default=str(CERTIFY_DATA_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if ENVIRONMENT == "test"
        else "certify.lib.staticfiles.Storage"
    },
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20  # as certify.lib.uploads.USUAL

# Of everything that no reader asked for: tasks, commands, what is recorded. `certify.lib.language` says the rest.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
if CERTIFY_LANGUAGE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"CERTIFY_LANGUAGE is {CERTIFY_LANGUAGE!r}; Certify speaks {' and '.join(dict(LANGUAGES))}.")
TIME_ZONE = "UTC"
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["people.authentication.TokenAuthentication"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"links": {"()": "certify.lib.secret_paths.HideLinks"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["links"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Sweeps come and go every few seconds; what they do is in the ledger, and their failures are still logged.
    "loggers": {name: {"level": "WARNING"} for name in ("axes", "celery.app.trace", "celery.worker.strategy")},
}

# One image for web, worker, beat and migrate. Built from the lock file alone: every package is checked by its hash.
FROM python:3.13-slim AS packages
RUN python -m venv /opt/packages
COPY requirements.txt /tmp/requirements.txt
RUN /opt/packages/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --no-deps -r /tmp/requirements.txt

FROM python:3.13-slim
# The libraries that PDFs are made with, and a font for what the portal's own does not hold.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 portal \
    && useradd --uid 10001 --gid portal --home-dir /tmp --no-create-home --shell /usr/sbin/nologin portal \
    && install --directory --owner portal --group portal /srv/media /srv/ledger
COPY --from=packages /opt/packages /opt/packages
WORKDIR /srv/portal
COPY . .
ENV PATH=/opt/packages/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp/cache \
    STATIC_ROOT=/srv/portal/staticfiles
# Compiled here, so that the running container writes to its volumes and nowhere else.
# The values are for this one step, are of no use to anybody and do not stay in the image.
RUN python bin/launcher/translations.py \
    && SECRET_KEY=only-to-build LINK_KEY=only-to-build ORIGIN=https://build.invalid ALLOWED_HOSTS=build.invalid \
        DATABASE_URL=postgresql://build.invalid/build REDIS_URL=redis://build.invalid \
        python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q portal offers companies schools
USER portal
EXPOSE 8000
CMD ["gunicorn", "portal.wsgi:application"]

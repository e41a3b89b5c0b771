# syntax=docker/dockerfile:1
# Stage 1 installs the locked packages; stage 2 has no compiler, no pip cache and no root.
FROM python:3.11-slim-bookworm AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements/base.txt /tmp/base.txt
RUN /opt/venv/bin/pip install --require-hashes --only-binary=:all: -r /tmp/base.txt \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CERTIFY_DATA_DIR=/data \
    CERTIFY_STATIC_ROOT=/app/static-root \
    TMPDIR=/data/tmp
RUN groupadd --gid 10001 certify \
    && useradd --uid 10001 --gid certify --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin certify \
    && install -d -o 10001 -g 10001 -m 700 /data /data/tmp
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY certify certify
COPY ledger ledger
COPY people people
COPY inventory inventory
COPY campaigns campaigns
COPY remediation remediation
COPY evidence evidence
COPY templates templates
COPY locale locale
COPY static static
# The key is for this one command, which signs nothing; it is in no layer's environment.
RUN SECRET_KEY=only-while-the-static-files-are-collected-in-this-layer ALLOWED_HOSTS=localhost \
    python manage.py collectstatic --noinput --verbosity=0 \
    && python -m compileall -q /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "certify.wsgi", "--bind", "0.0.0.0:8000", "--workers", "3", "--threads", "4", "--timeout", "120", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-", "--logger-class", "certify.access_log.AccessLogger"]

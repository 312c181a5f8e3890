# The program as an image: the locked packages with their hashes, and the program itself, for a user without rights.
# docker-compose.yml builds it; alone: docker build -t chargeline . && docker run --rm chargeline --help
FROM python:3.13.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY .ci/lock/run.txt .ci/lock/dev.txt .ci/lock/
# What builds the program is pinned among the packages for developers; nothing else of those is needed here.
RUN awk '/^[^ ]/ { keep = /^setuptools==/ } keep' .ci/lock/dev.txt > .ci/lock/build.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --require-hashes -r .ci/lock/build.txt
RUN python -m venv /opt/chargeline \
    && /opt/chargeline/bin/python -m pip install --require-hashes --only-binary=:all: -r .ci/lock/run.txt
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY pipeline pipeline
RUN /opt/build/bin/python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/chargeline/bin/python -m pip install --no-index --no-deps /wheel/*.whl

FROM python:3.13.9-slim-bookworm
LABEL org.opencontainers.image.title="chargeline" \
      org.opencontainers.image.description="Ingestion worker for operators of Easee EV chargers"
RUN install -d -m 0700 -o 10001 -g 10001 /data
COPY --from=build /opt/chargeline /opt/chargeline
ENV PATH=/opt/chargeline/bin:$PATH PYTHONDONTWRITEBYTECODE=1 CHARGELINE_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
# No HEALTHCHECK: not everything that the program does can be asked. The worker can: docker-compose.yml does.
ENTRYPOINT ["chargeline"]
CMD ["run"]

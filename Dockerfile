# One node. `docker compose up` starts three of them (compose.yaml).
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --prefix=/install ".[metrics,postgres,redis]"

FROM python:3.13-slim
COPY --from=build /install /usr/local
RUN useradd --uid 10001 --create-home --home-dir /data kv
USER 10001
WORKDIR /data
VOLUME /data
ENV KVCLUSTER_PORT=50051 \
    KVCLUSTER_DATA_DIR=/data \
    KVCLUSTER_LOG_FORMAT=json
EXPOSE 50051
# It says NOT_SERVING, lets calls end, and leaves its files whole: give it the time for that.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["kvcluster", "health", "localhost:50051", "--timeout", "2"]
ENTRYPOINT ["kvcluster"]
CMD ["server"]

# docker build -t timeout-monitor .
# docker run --rm -p 9840:9840 timeout-monitor                       the demo: no credentials needed
# docker run -p 9840:9840 -v timeout-monitor:/var/lib/timeout-monitor --env-file org.env timeout-monitor run

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
# The packages before the code: they change less often, so this layer is reused.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/timeout-monitor \
 && /opt/timeout-monitor/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps -r requirements.lock \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --quiet --no-cache-dir --require-hashes --no-deps -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY monitor monitor
RUN /opt/build/bin/hatchling build --target wheel --directory /dist \
 && /opt/timeout-monitor/bin/pip install --quiet --no-cache-dir --no-index --no-deps /dist/*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/timeout-monitor /opt/timeout-monitor
RUN useradd --system --uid 10001 --home-dir /var/lib/timeout-monitor timeout-monitor \
 && install --directory --owner 10001 --group 10001 --mode 0750 /var/lib/timeout-monitor
# Inside a container only 0.0.0.0 can be reached from outside; what is published is docker's -p.
ENV PATH=/opt/timeout-monitor/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TIMEOUT_MONITOR__SERVE__HOST=0.0.0.0 \
    TIMEOUT_MONITOR__STATE__URL=sqlite:////var/lib/timeout-monitor/timeout-monitor.db
# By number, so that a cluster that refuses root can see that this is not root.
USER 10001:10001
WORKDIR /var/lib/timeout-monitor
VOLUME /var/lib/timeout-monitor
EXPOSE 9840
# http.client, because urllib would ask a configured proxy for 127.0.0.1.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 9840, timeout=4); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["timeout-monitor"]
CMD ["demo", "--host", "0.0.0.0"]

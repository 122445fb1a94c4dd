# The image of the Prefect worker, and of the runs that it starts in containers of their own: this checkout, with the
# locked packages of the azure backend. infra/build-worker prepares what is copied; docs/setup-cloud-infrastructure.md
# tells how it is built and used.
ARG BASE

FROM ${BASE} AS packages
COPY infra/requirements/uv.txt infra/requirements/azure.txt /tmp/
RUN python3 -m venv /opt/venv && \
    /opt/venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/uv.txt
RUN /opt/venv/bin/uv pip install --quiet --no-deps --require-hashes --compile-bytecode --link-mode copy \
      --python /opt/venv/bin/python -r /tmp/azure.txt

FROM ${BASE}
COPY --from=packages /opt/venv /opt/venv
# A layer of its own: new code moves no packages. It is not the user's to write.
COPY . /opt/mlops
RUN install -d -o 65532 -g 65532 /home/worker
ARG BASE REVISION CREATED
LABEL org.opencontainers.image.title="mlops: Prefect worker" \
      org.opencontainers.image.description="Releases models to Azure, for a Prefect server" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
# There is no git here: the commit is told. Flows import from the checkout, wherever Prefect runs them.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/mlops PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOME=/home/worker MLOPS_HOME=/home/worker/state MLOPS_COMMIT=${REVISION} MLOPS_COMMIT_TIME=${CREATED}
WORKDIR /opt/mlops
USER 65532:65532
CMD ["prefect", "worker", "start", "--pool", "mlops-azure", "--type", "azure-container-instance", \
     "--install-policy", "never", "--with-healthcheck"]

# The operator's image: built in one stage, run as nobody in another that has no compiler and no package manager cache.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python -m venv /opt/clusterstate
COPY requirements.txt ./
RUN /opt/clusterstate/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
RUN /opt/clusterstate/bin/pip install --no-cache-dir --no-deps .

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="clusterstate" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/clusterstate /opt/clusterstate
ENV PATH=/opt/clusterstate/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["clusterstate"]
CMD ["run"]

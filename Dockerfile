# The operator's image: built in one stage, run as nobody in another, which takes no compiler, pip or cache from it.
#
# The same inputs give the same layers: the base, both lock files, the sources and SOURCE_DATE_EPOCH. `make image` gives
# the builder what it needs for that. A tag can be moved: pin the base to what you have checked by its digest,
# --build-arg PYTHON_IMAGE=docker.io/library/python:…@sha256:…
#
# pip reaches its index as the secrets `pip.conf` and `ca.crt` say, if they are given; neither gets into a layer.
ARG PYTHON_IMAGE=docker.io/library/python:3.13.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/clusterstate
COPY requirements-build.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.crt,target=/etc/pip-ca.crt \
    /opt/build/bin/python -m pip install --quiet --require-hashes -r requirements-build.txt
ARG SOURCE_DATE_EPOCH=1577836800
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.crt,target=/etc/pip-ca.crt \
    /opt/build/bin/python -m pip wheel --quiet --no-build-isolation --no-deps --require-hashes \
    --wheel-dir /wheels -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
RUN /opt/build/bin/python -m pip wheel --quiet --no-build-isolation --no-deps --no-index --wheel-dir /wheels .
RUN /opt/build/bin/python -m pip --python /opt/clusterstate install --quiet --no-index --no-deps --no-compile /wheels/*.whl
# What nothing of ours ever loads: tests of the SDKs, services of Amazon that hold no state, and (compiled) a client for
# Kubernetes that waits. Compiled one after the other: which of several processes had which file would show.
RUN cd /opt/clusterstate/lib/python3*/site-packages \
    && find . -type d \( -name tests -o -name SelfTest \) -prune -exec rm -r {} + \
    && find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts ! -name 'sso*' -exec rm -r {} + \
    && /opt/build/bin/python -m compileall -q --invalidation-mode unchecked-hash -x kubernetes/client/ . \
    && find /opt/clusterstate -exec touch --no-dereference --date=@${SOURCE_DATE_EPOCH} {} +

FROM ${PYTHON_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="clusterstate" \
      org.opencontainers.image.description="A Kubernetes operator that puts a kops state store under the Kubernetes API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/clusterstate /opt/clusterstate
# The Kubernetes client looks for a home when it is loaded, and fails where the user has none.
ENV HOME=/nonexistent PATH=/opt/clusterstate/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["clusterstate"]
CMD ["run"]

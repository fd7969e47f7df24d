# made by `envlock emit docker` from a lock: what is edited here is lost
# platform linux-64, Python 3.11
# runtime hash rt1:4375db51c7ae035979b9a02d851c9dea73c33b81ffb86b8458a1250d66c6a78e
#
# docker build -t NAME .    (behind a mirror: --build-arg PIP_INDEX_URL=URL)
#
# The base image is NOT pinned: its tag can be moved, so two builds of this file can differ in all
# that is outside of the locked environment. To pin it, write the digest behind it in both FROM
# lines, as `NAME@sha256:...`:
#     docker pull docker.io/library/python:3.11.11-slim-bookworm && docker inspect --format '{{index .RepoDigests 0}}' docker.io/library/python:3.11.11-slim-bookworm

FROM docker.io/library/python:3.11.11-slim-bookworm AS install
ARG PIP_INDEX_URL
ENV PYTHONDONTWRITEBYTECODE=1
RUN python3 -I -S -c "import sys; found = '.'.join(map(str, sys.version_info[:2])); sys.exit(found != '3.11' and 'the base image has Python ' + found + ', the lock is for 3.11')"
RUN : > /requirements.txt
RUN printf '%s\n' \
    'filelock==3.13.1 --hash=sha256:66696c656c6f636b000000000000000000000000000000000000000000000000' \
    'typing-extensions==4.12.2 --hash=sha256:747970696e672d657874656e73696f6e73000000000000000000000000000000' \
    >> /requirements.txt
RUN python3 -m venv --without-pip /opt/env \
 && python3 -m pip --python /opt/env/bin/python3 install --no-compile --no-deps --require-hashes \
    --no-cache-dir --disable-pip-version-check --no-input --only-binary :all: -r /requirements.txt
RUN find /opt/env -name __pycache__ -prune -exec rm -rf {} + \
 && mkdir -p /out/opt /out/etc /home-out/home/app \
 && mv /opt/env /out/opt/env \
 && { grep -v '^app:' /etc/passwd; echo app:x:1000:1000::/home/app:/bin/sh; } > /out/etc/passwd \
 && { grep -v '^app:' /etc/group; echo app:x:1000:; } > /out/etc/group \
 && find /out /home-out -exec touch -h -d @0 {} +

FROM docker.io/library/python:3.11.11-slim-bookworm
COPY --from=install /out/ /
COPY --from=install --chown=1000:1000 /home-out/ /
ENV VIRTUAL_ENV=/opt/env PATH=/opt/env/bin:$PATH
ENV CUBLAS_WORKSPACE_CONFIG=":4096:8"
ENV PYTHONHASHSEED="0"
LABEL envlock.manifest="abababababababababababababababababababababababababababababababab"
LABEL envlock.platform="linux-64"
LABEL envlock.runtime="rt1:4375db51c7ae035979b9a02d851c9dea73c33b81ffb86b8458a1250d66c6a78e"
LABEL org.opencontainers.image.base.name="docker.io/library/python:3.11.11-slim-bookworm"
USER 1000:1000
WORKDIR /home/app
CMD ["python"]

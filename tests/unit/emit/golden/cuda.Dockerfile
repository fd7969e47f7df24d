# made by `envlock emit docker` from a lock: what is edited here is lost
# platform linux-64, Python 3.11
# runtime hash rt1:9986285f30a2e0964d673b79d8d5943c5b5d09d71585b211a99b6afcd61e3c1a
#
# docker build -t NAME .    (behind a mirror: --build-arg PIP_INDEX_URL=URL)

FROM docker.io/library/python@sha256:2222222222222222222222222222222222222222222222222222222222222222 AS install
ARG PIP_INDEX_URL
ENV PYTHONDONTWRITEBYTECODE=1
RUN python3 -I -S -c "import sys; found = '.'.join(map(str, sys.version_info[:2])); sys.exit(found != '3.11' and 'the base image has Python ' + found + ', the lock is for 3.11')"
RUN : > /requirements.txt
RUN printf '%s\n' \
    'filelock==3.13.1 --hash=sha256:66696c656c6f636b000000000000000000000000000000000000000000000000' \
    'torch==2.6.0+cu118 --hash=sha256:746f726368000000000000000000000000000000000000000000000000000000' \
    'typing-extensions==4.12.2 --hash=sha256:747970696e672d657874656e73696f6e73000000000000000000000000000000' \
    >> /requirements.txt
RUN python3 -m venv --without-pip /opt/env \
 && python3 -m pip --python /opt/env/bin/python3 install --no-compile --no-deps --require-hashes \
    --no-cache-dir --disable-pip-version-check --no-input --only-binary :all: --extra-index-url https://mirror.example/whl/cu118 -r /requirements.txt
RUN find /opt/env -name __pycache__ -prune -exec rm -rf {} + \
 && mkdir -p /out/opt /out/etc /home-out/home/app \
 && mv /opt/env /out/opt/env \
 && { grep -v '^app:' /etc/passwd; echo app:x:1000:1000::/home/app:/bin/sh; } > /out/etc/passwd \
 && { grep -v '^app:' /etc/group; echo app:x:1000:; } > /out/etc/group \
 && find /out /home-out -exec touch -h -d @0 {} +

FROM docker.io/library/python@sha256:2222222222222222222222222222222222222222222222222222222222222222
COPY --from=install /out/ /
COPY --from=install --chown=1000:1000 /home-out/ /
ENV VIRTUAL_ENV=/opt/env PATH=/opt/env/bin:$PATH
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENV NVIDIA_REQUIRE_DRIVER="driver>=450"
ENV CUBLAS_WORKSPACE_CONFIG=":4096:8"
ENV PYTHONHASHSEED="0"
LABEL envlock.manifest="abababababababababababababababababababababababababababababababab"
LABEL envlock.platform="linux-64"
LABEL envlock.runtime="rt1:9986285f30a2e0964d673b79d8d5943c5b5d09d71585b211a99b6afcd61e3c1a"
LABEL org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
LABEL org.opencontainers.image.base.digest="sha256:2222222222222222222222222222222222222222222222222222222222222222"
USER 1000:1000
WORKDIR /home/app
CMD ["python"]

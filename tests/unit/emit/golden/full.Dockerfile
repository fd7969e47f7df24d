# made by `envlock emit docker` from a lock: what is edited here is lost
# platform linux-64, Python 3.11
# runtime hash rt1:9986285f30a2e0964d673b79d8d5943c5b5d09d71585b211a99b6afcd61e3c1a
#
# docker build -t NAME .    (behind a mirror: --build-arg PIP_INDEX_URL=URL)

FROM docker.io/library/python@sha256:2222222222222222222222222222222222222222222222222222222222222222 AS system
RUN export DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH=0 \
 && touch /var/tmp/.envlock \
 && apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends --allow-downgrades \
    git=1:2.39.5-0+deb12u2 \
    openssh-server=1:9.2p1-2+deb12u5 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/cache/ldconfig/* /var/log/* /tmp/* /etc/ssh/ssh_host_* \
 && find / -xdev -newer /var/tmp/.envlock -exec touch -h -d @0 {} + \
 && rm /var/tmp/.envlock \
 && touch -d @0 /var/tmp

FROM system AS install
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
 && mkdir -p /out/opt /out/etc /home-out/home/worker \
 && mv /opt/env /out/opt/env \
 && { grep -v '^worker:' /etc/passwd; echo worker:x:1000:1000::/home/worker:/bin/sh; } > /out/etc/passwd \
 && { grep -v '^worker:' /etc/group; echo worker:x:1000:; } > /out/etc/group \
 && { command -v sshd || [ -x /usr/sbin/sshd ] || { echo 'there is no sshd in the base image, and none among the packages of `apt`' >&2; exit 1; }; } \
 && mkdir -p /out/etc/envlock /out/usr/local/bin \
 && printf '%s\n' \
    'Port 2222' \
    'HostKey /home/worker/.ssh-host/ed25519' \
    'AuthenticationMethods publickey' \
    'PasswordAuthentication no' \
    'KbdInteractiveAuthentication no' \
    'PermitEmptyPasswords no' \
    'PermitRootLogin no' \
    'UsePAM no' \
    'AllowUsers worker' \
    'StrictModes no' \
    'AuthorizedKeysFile .ssh/authorized_keys /run/secrets/authorized_keys' \
    'PidFile none' \
    'Subsystem sftp internal-sftp' \
    'SetEnv VIRTUAL_ENV="/opt/env" PATH="/opt/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" CUBLAS_WORKSPACE_CONFIG=":4096:8" PYTHONHASHSEED="0"' \
    > /out/etc/envlock/sshd_config \
 && printf '%s\n' \
    '#!/bin/sh' \
    '# A host key of this container'"'"'s own, then the server in the foreground.' \
    'set -eu' \
    'mkdir -p "$HOME/.ssh-host"' \
    'chmod 700 "$HOME/.ssh-host"' \
    '[ -f "$HOME/.ssh-host/ed25519" ] || ssh-keygen -q -t ed25519 -N "" -f "$HOME/.ssh-host/ed25519"' \
    'exec /usr/sbin/sshd -D -e -f /etc/envlock/sshd_config' \
    > /out/usr/local/bin/envlock-sshd \
 && chmod 755 /out/usr/local/bin/envlock-sshd \
 && find /out /home-out -exec touch -h -d @0 {} +

FROM system AS code
COPY src/ /code-out/home/worker/src/
RUN chmod -R u=rwX,go=rX /code-out \
 && find /code-out -exec touch -h -d @0 {} +

FROM system
COPY --from=install /out/ /
COPY --from=install --chown=1000:1000 /home-out/ /
COPY --from=code --chown=1000:1000 /code-out/ /
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
WORKDIR /home/worker
EXPOSE 2222
ENTRYPOINT ["python", "-m", "train", "it's $HOME"]

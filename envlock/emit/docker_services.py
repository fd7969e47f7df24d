"""What an image can do besides holding an environment: run the project's code, Jupyter, or an SSH server.

Nothing here knows a password: Jupyter makes a token when it starts, the SSH server takes keys only, and its
own host key is made by each container.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from envlock.emit.model import EmitOptions
from envlock.emit.quoting import one_line, shell
from envlock.errors import UsageFault
from envlock.lock.model import Lock
from envlock.manifest.model import ImageRequest
from envlock.manifest.patterns import ARGUMENT, CODE_FOLDER

CODE_STAGE = "code"
JUPYTER_PORT = 8888
SSH_PORT = 2222
_SSH_START = "/usr/local/bin/envlock-sshd"
_SSH_CONFIG = "/etc/envlock/sshd_config"


def check_services(lock: Lock, options: EmitOptions) -> None:
    """Raise UsageFault for what the image could not do."""
    image = options.image
    if image.code is not None and not CODE_FOLDER.admits(image.code):
        raise UsageFault(f"{image.code!a} is not {CODE_FOLDER.says}")
    for word in image.entrypoint:
        if not ARGUMENT.admits(word):
            raise UsageFault(f"{word!a} is not {ARGUMENT.says}")
    if image.jupyter and not any(row.name == "jupyterlab" for row, _ in lock.on(options.platform)):
        raise UsageFault(
            "the image is to run Jupyter, and `jupyterlab` is not locked",
            hint="add `jupyterlab` to the requirements and run `envlock lock`",
        )


def code_stage(image: ImageRequest, base: str, wheelhouse: str | None) -> Iterator[str]:
    """The project's code with modes and times that do not depend on the checkout, in a layer of its own."""
    target = f"/code-out/home/{image.user}/{_code_name(image)}"
    yield f"FROM {base} AS {CODE_STAGE}"
    yield f"COPY {image.code}/ {target}/"
    inside = [f"rm -rf {target}/{wheelhouse}"] if wheelhouse is not None and image.code == "." else []
    tidied = ("chmod -R u=rwX,go=rX /code-out", "find /code-out -exec touch -h -d @0 {} +")
    yield "RUN " + " \\\n && ".join((*inside, *tidied))


def _code_name(image: ImageRequest) -> str:
    return "code" if image.code == "." else str(image.code)


def work_directory(image: ImageRequest) -> str:
    """The folder that is to the image what the project's is to the host."""
    return f"/home/{image.user}/code" if image.code == "." else f"/home/{image.user}"


def ssh_files(image: ImageRequest, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Commands that write the SSH server's files below /out. `environment` is what a login gets.

    sshd hands on none of its own variables, so without SetEnv a login would run another Python.
    """
    if not image.ssh:
        return ()
    return (
        "{ command -v sshd || [ -x /usr/sbin/sshd ] || "
        "{ echo 'there is no sshd in the base image, and none among the packages of `apt`' >&2; exit 1; }; }",
        f"mkdir -p /out/etc/envlock /out{_SSH_START.rpartition('/')[0]}",
        _written(f"/out{_SSH_CONFIG}", _ssh_config(image, environment)),
        _written(f"/out{_SSH_START}", _ssh_start()),
        f"chmod 755 /out{_SSH_START}",
    )


def _written(path: str, lines: tuple[str, ...]) -> str:
    words = " \\\n    ".join(shell(line) for line in lines)
    return f"printf '%s\\n' \\\n    {words} \\\n    > {path}"


def _ssh_config(image: ImageRequest, environment: Mapping[str, str]) -> tuple[str, ...]:
    given = " ".join(f"{name}={_ssh_word(value)}" for name, value in environment.items())
    return (
        f"Port {SSH_PORT}",
        f"HostKey /home/{image.user}/.ssh-host/ed25519",
        "AuthenticationMethods publickey",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitEmptyPasswords no",
        "PermitRootLogin no",
        "UsePAM no",
        f"AllowUsers {image.user}",
        # A key file that is mounted belongs to whom it belongs on the host.
        "StrictModes no",
        "AuthorizedKeysFile .ssh/authorized_keys /run/secrets/authorized_keys",
        "PidFile none",
        "Subsystem sftp internal-sftp",
        f"SetEnv {given}",
    )


def _ssh_word(text: str) -> str:
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _ssh_start() -> tuple[str, ...]:
    return (
        "#!/bin/sh",
        "# A host key of this container's own, then the server in the foreground.",
        "set -eu",
        'mkdir -p "$HOME/.ssh-host"',
        'chmod 700 "$HOME/.ssh-host"',
        '[ -f "$HOME/.ssh-host/ed25519" ] || ssh-keygen -q -t ed25519 -N "" -f "$HOME/.ssh-host/ed25519"',
        f"exec /usr/sbin/sshd -D -e -f {_SSH_CONFIG}",
    )


def start_lines(image: ImageRequest) -> Iterator[str]:
    """EXPOSE, ENTRYPOINT and CMD. The entry point goes before Jupyter, Jupyter before the SSH server."""
    if image.jupyter:
        yield f"EXPOSE {JUPYTER_PORT}"
    if image.ssh:
        yield f"EXPOSE {SSH_PORT}"
    if image.entrypoint:
        yield f"ENTRYPOINT {_words(image.entrypoint)}"
    elif image.jupyter:
        yield f"CMD {_words(('jupyter', 'lab', '--ip=0.0.0.0', f'--port={JUPYTER_PORT}', '--no-browser'))}"
    elif image.ssh:
        yield f"CMD {_words((_SSH_START,))}"
    else:
        yield f"CMD {_words(('python',))}"


def _words(words: tuple[str, ...]) -> str:
    """The exec form: no shell reads it, and no variable is replaced."""
    return "[" + ", ".join(json.dumps(one_line(word), ensure_ascii=False) for word in words) + "]"

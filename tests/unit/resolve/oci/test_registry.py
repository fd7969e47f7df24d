"""The registry client against a registry that misbehaves, refuses, and asks who we are."""

from __future__ import annotations

import base64
import gc
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from envlock.errors import EnvlockError, HashMismatch, RegistryFailed, ToolFailed
from envlock.resolve.oci.media import Descriptor, Document, parse_manifest
from envlock.resolve.oci.reference import parse_reference
from envlock.resolve.oci.registry import Registry
from envlock.resolve.wheels.ranges import open_session
from tests.integration.test_ranges import certificate
from tests.support.images import digest_of, tiny_base
from tests.support.index import Delay, OtherBytes, Reset, Status, Truncate
from tests.support.registry import IDENTITY, PASSWORD, USER, Answer, LocalRegistry

__all__ = ["certificate"]


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return tiny_base(tmp_path / "layout")


@pytest.fixture
def registry(layout: Path) -> Iterator[LocalRegistry]:
    with LocalRegistry() as running:
        running.add(layout, "team/base", "3.11")
        yield running


def client(
    registry: LocalRegistry,
    name: str = "team/base:3.11",
    *,
    environment: Mapping[str, str] | None = None,
    waits: list[float] | None = None,
) -> Registry:
    log: list[float] = [] if waits is None else waits
    reference = parse_reference(registry.reference(name))
    return Registry(reference, sources={}, environment=environment or {}, wait=log.append)


def configured(folder: Path, document: object) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(document))
    return {"DOCKER_CONFIG": str(folder)}


def login(registry: LocalRegistry, secret: str = PASSWORD) -> dict[str, object]:
    auth = base64.b64encode(f"{USER}:{secret}".encode()).decode()
    return {"auths": {registry.host: {"auth": auth}}}


def first_layer(store: Registry) -> Descriptor:
    return parse_manifest(store.document("3.11")).layers[0]


def told(error: EnvlockError) -> tuple[str, str | None, int]:
    return error.message, error.hint, error.exit_status


def test_a_tag_becomes_the_bytes_and_the_digest_of_its_manifest(
    registry: LocalRegistry, layout: Path
) -> None:
    document = client(registry).document("3.11")
    row = json.loads((layout / "index.json").read_text())["manifests"][0]
    assert document.digest == row["digest"] == digest_of(document.content)
    assert document.content == (layout / "blobs/sha256" / document.digest[7:]).read_bytes()


def test_a_blob_is_read_to_its_end(registry: LocalRegistry, layout: Path) -> None:
    store = client(registry)
    blob = first_layer(store)
    assert b"".join(store.chunks(blob)) == (layout / "blobs/sha256" / blob.digest[7:]).read_bytes()


@pytest.mark.parametrize(
    ("status", "reason", "hint"),
    [
        (401, "cannot use the image", "`docker login` keeps some for it"),
        (403, "cannot use the image", "the account may not do this; `docker login` with another one"),
        (404, "there is no image", "look at the name and the tag; a private image needs `docker login`"),
    ],
)
def test_a_refusal_is_told_at_once(registry: LocalRegistry, status: int, reason: str, hint: str) -> None:
    registry.fault("*/manifests/*", Status(code=status))
    waits: list[float] = []
    with pytest.raises(RegistryFailed) as caught:
        client(registry, waits=waits).document("3.11")
    name = registry.reference("team/base:3.11")
    message = f"{reason} `{name}`: the registry answers {status}"
    assert told(caught.value) == (message, hint, 5)
    assert caught.value.where == name
    assert caught.value.facts == (("host", registry.host),)
    assert waits == []


def test_a_short_retry_after_is_waited_for(registry: LocalRegistry) -> None:
    registry.fault("*/manifests/*", Status(code=429, retry_after=7), times=2)
    waits: list[float] = []
    assert client(registry, waits=waits).document("3.11").digest
    assert waits == [7.0, 7.0]


def test_a_long_retry_after_is_told_and_not_waited_for(registry: LocalRegistry) -> None:
    registry.fault("*/manifests/*", Status(code=429, retry_after=3600))
    waits: list[float] = []
    with pytest.raises(RegistryFailed) as caught:
        client(registry, waits=waits).document("3.11")
    name = registry.reference("team/base:3.11")
    message = f"cannot use the image `{name}`: the registry answers 429"
    hint = "the registry asks to wait 3600 seconds; then run the command again"
    assert told(caught.value) == (message, hint, 5)
    assert waits == []


def test_a_server_that_fails_is_asked_again(registry: LocalRegistry) -> None:
    registry.fault("*/manifests/*", Status(code=503))
    waits: list[float] = []
    with pytest.raises(RegistryFailed) as caught:
        client(registry, waits=waits).document("3.11")
    assert caught.value.facts == (("host", registry.host), ("tried", "4 times"))
    assert waits == [0.2, 0.4, 0.8]


def test_a_connection_that_is_reset_is_made_again(registry: LocalRegistry) -> None:
    store = client(registry)
    store.document("3.11")
    registry.fault("*/manifests/*", Reset(), times=1)
    assert store.document("3.11").digest


def test_a_blob_that_breaks_off_is_taken_up_where_it_broke(registry: LocalRegistry) -> None:
    store = client(registry)
    blob = first_layer(store)
    registry.fault("*/blobs/*", Truncate(at=50), times=2)
    assert digest_of(b"".join(store.chunks(blob))) == blob.digest


def test_a_blob_that_always_breaks_off(registry: LocalRegistry) -> None:
    store = client(registry)
    blob = first_layer(store)
    registry.fault("*/blobs/*", Truncate(at=1))
    with pytest.raises(RegistryFailed) as caught:
        b"".join(store.chunks(blob))
    name = registry.reference("team/base:3.11")
    message = f"cannot use the image `{name}`: a blob ends early, after 4 of {blob.size} bytes"
    hint = "run the command again; `[tool.envlock.sources]` can name a mirror"
    assert told(caught.value) == (message, hint, 5)


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_other_bytes_than_the_digest_says(registry: LocalRegistry, kind: str) -> None:
    store = client(registry)
    manifest = store.document("3.11")
    blob = parse_manifest(manifest).layers[0]
    registry.fault(f"*/{kind}/*", OtherBytes(content=b"{}"))
    with pytest.raises(HashMismatch) as caught:
        list([store.document(manifest.digest)] if kind == "manifests" else store.chunks(blob))
    name = registry.reference("team/base:3.11")
    hint = "run the command again; if it stays so, the registry or a mirror before it is at fault"
    assert told(caught.value) == (f"a part of the image `{name}` is not what its digest says", hint, 5)


def test_what_is_no_manifest(registry: LocalRegistry) -> None:
    registry.fault("*/manifests/*", OtherBytes(content=b"<html>"))
    with pytest.raises(RegistryFailed) as caught:
        client(registry).document("3.11")
    name = registry.reference("team/base:3.11")
    assert caught.value.message == (
        f"cannot use the image `{name}`: what it answers is no manifest: it is no JSON"
    )


AGAIN = "run the command again; `[tool.envlock.sources]` can name a mirror"


@pytest.fixture
def no_collection() -> Iterator[None]:
    """A finalizer that runs where a recursion ends has no room left, and fails the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(headers={"Content-Length": "5", "Connection": "close"}), "what it answers ends early"),
        (Answer(headers={"Content-Encoding": "gzip"}), "what it answers ends early"),
        (Answer(body=b"[" * 100_000), "what it answers is no manifest: it is no JSON"),
        (Answer(body=b"[]"), "what it answers is no manifest: it is no JSON object"),
        (Answer(body=b" " * ((4 << 20) + 1)), "what it answers is larger than any manifest"),
        (Answer(status=302, headers={"Location": "http://["}), "the request cannot be made"),
        (Answer(status=302, headers={"Location": "http://a..b/"}), "the request cannot be made"),
        (Answer(status=302, headers={"Location": "\xe9"}), "the request cannot be made"),
    ],
    ids=["cut", "not packed", "deep", "list", "large", "no address", "no name", "no letters"],
)
def test_an_answer_that_is_none(registry: LocalRegistry, answer: Answer, reason: str) -> None:
    registry.fault("*/manifests/*", answer)
    with pytest.raises(RegistryFailed) as caught:
        client(registry).document("3.11")
    name = registry.reference("team/base:3.11")
    assert told(caught.value) == (f"cannot use the image `{name}`: {reason}", AGAIN, 5)


def test_a_manifest_that_ends_early_where_urllib3_lets_it_pass(
    registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_in_1_26(response: requests.Response, **_: object) -> None:
        response.raw.enforce_content_length = False

    def opened(connections: int) -> requests.Session:
        session = open_session(connections)
        session.hooks["response"].append(as_in_1_26)
        return session

    monkeypatch.setattr("envlock.resolve.oci.registry.open_session", opened)
    registry.fault("*/manifests/*", Truncate(at=10))
    with pytest.raises(RegistryFailed) as caught:
        client(registry).document("3.11")
    name = registry.reference("team/base:3.11")
    assert told(caught.value) == (f"cannot use the image `{name}`: what it answers ends early", AGAIN, 5)


def test_a_registry_that_falls_silent(registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envlock.resolve.oci.registry.TIMEOUT_SECONDS", (1.0, 0.05))
    registry.fault("*/manifests/*", Delay(seconds=0.2))
    with pytest.raises(RegistryFailed) as caught:
        client(registry).document("3.11")
    name = registry.reference("team/base:3.11")
    assert caught.value.message == f"cannot use the image `{name}`: the registry is silent for too long"
    assert caught.value.facts[-1] == ("tried", "4 times")


def test_a_registry_on_this_host_is_asked_without_tls(registry: LocalRegistry) -> None:
    port = registry.host.rpartition(":")[2]
    reference = parse_reference(f"localhost:{port}/team/base:3.11")
    store = Registry(reference, sources={}, environment={}, wait=lambda _: None)
    assert store.document("3.11").digest == registry.tags["team/base", "3.11"]


def test_a_length_that_is_no_number_says_nothing(registry: LocalRegistry) -> None:
    registry.fault("*/manifests/*", Answer(headers={"Content-Length": "\xb2", "Connection": "close"}))
    assert client(registry).document("3.11").content == b"{}"


def test_a_digest_in_the_answer_that_is_of_other_bytes(registry: LocalRegistry) -> None:
    registry.fault("*/manifests/*", Answer(headers={"Docker-Content-Digest": digest_of(b"other")}))
    with pytest.raises(HashMismatch) as caught:
        client(registry).document("3.11")
    assert caught.value.facts == (("expected", digest_of(b"other")), ("found", digest_of(b"{}")))


def test_a_blob_whose_rest_is_sent_from_the_start(registry: LocalRegistry, layout: Path) -> None:
    """A registry, or a proxy before it, that knows no ranges."""
    store = client(registry)
    blob = first_layer(store)
    content = (layout / "blobs/sha256" / blob.digest[7:]).read_bytes()
    registry.fault("*/blobs/*", Truncate(at=50), times=1)
    registry.fault("*/blobs/*", Answer(body=content))
    assert b"".join(store.chunks(blob)) == content


def test_a_proxy_and_a_host_that_are_not_there(
    registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    sources = {"registry.example": "http://registry.example"}
    for told_by, reason in (("HTTP_PROXY", "the proxy does not answer"), ("NO_PROXY", "the connection")):
        monkeypatch.setenv(told_by, "http://127.0.0.1:9" if told_by == "HTTP_PROXY" else "*")
        sources = sources if told_by == "HTTP_PROXY" else {"registry.example": "http://127.0.0.1:9"}
        store = Registry(
            parse_reference("registry.example/a:1"), sources=sources, environment={}, wait=lambda _: None
        )
        with pytest.raises(RegistryFailed) as caught:
            store.document("1")
        message = "cannot use the image `registry.example/a:1`: "
        assert caught.value.message.startswith(f"{message}{reason}")
        assert caught.value.facts[-1] == ("tried", "4 times")


# -- who we are ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["basic", "token"])
def test_the_password_of_dockers_configuration(layout: Path, tmp_path: Path, kind: str) -> None:
    with LocalRegistry(login=kind, anonymous=False) as registry:
        registry.add(layout, "team/base", "3.11")
        environment = configured(tmp_path / "docker", login(registry))
        assert client(registry, environment=environment).document("3.11").digest


def test_a_wrong_password(layout: Path, tmp_path: Path) -> None:
    with LocalRegistry(login="token", anonymous=False) as registry:
        registry.add(layout, "team/base", "3.11")
        environment = configured(tmp_path / "docker", login(registry, "wrong"))
        with pytest.raises(RegistryFailed) as caught:
            client(registry, environment=environment).document("3.11")
        name = registry.reference("team/base:3.11")
        message = f"cannot use the image `{name}`: the token server answers 401"
        assert told(caught.value) == (message, "its credentials are not accepted", 5)
        assert "wrong" not in str(caught.value.facts)


def test_a_token_without_credentials(layout: Path) -> None:
    with LocalRegistry(login="token") as registry:
        registry.add(layout, "team/base", "3.11")
        store = client(registry)
        assert b"".join(store.chunks(first_layer(store)))
        assert len(registry.requests("GET /token*")) == 1


def test_an_identity_token_of_a_credential_helper(
    layout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker-credential-ours"
    answer = json.dumps({"Username": "<token>", "Secret": IDENTITY})
    program.write_text(f"#!/bin/sh\ncat > {tmp_path}/asked\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with LocalRegistry(login="token", anonymous=False) as registry:
        registry.add(layout, "team/base", "3.11")
        environment = configured(tmp_path / "docker", {"credHelpers": {registry.host: "ours"}})
        environment["PATH"] = f"{tmp_path}:/usr/bin:/bin"
        assert client(registry, environment=environment).document("3.11").digest
        assert (tmp_path / "asked").read_text() == registry.host


def test_a_credential_helper_that_is_not_there(registry: LocalRegistry, tmp_path: Path) -> None:
    environment = configured(tmp_path / "docker", {"credsStore": "nowhere"})
    with pytest.raises(ToolFailed) as caught:
        client(registry, environment=environment)
    assert told(caught.value) == (
        "`docker-credential-nowhere` cannot be asked for credentials: no such file or directory",
        "install it, or take it out of docker's configuration",
        6,
    )


def test_a_configuration_that_is_broken(registry: LocalRegistry, tmp_path: Path) -> None:
    environment = configured(tmp_path / "docker", ["no", "object"])
    with pytest.raises(ToolFailed, match="docker's configuration cannot be read: it is no JSON object"):
        client(registry, environment=environment)


def test_netrc_does_not_take_the_place_of_a_token(
    layout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with LocalRegistry(login="token", anonymous=False) as registry:
        registry.add(layout, "team/base", "3.11")
        assert client(registry).document("3.11").digest


@pytest.mark.parametrize(
    ("challenge", "answer", "reason", "hint"),
    [
        ("Bearer", None, "the registry names no token server", AGAIN),
        ('Bearer realm="http://["', None, "the registry names no token server", AGAIN),
        ('Bearer realm="ftp://{host}/token"', None, "the registry names no token server", AGAIN),
        ('Bearer realm="http://a..b/"', None, "the request cannot be made", AGAIN),
        (None, Answer(body=b"[]"), "the token server answers without a token", AGAIN),
        (None, Answer(body=b"no JSON"), "the token server answers without a token", AGAIN),
        (None, Answer(), "the token server answers without a token", AGAIN),
        (None, Answer(status=500), "the token server answers 500", AGAIN),
        ("", None, "the registry answers 401", "`docker login` keeps some for it"),
        ("Basic", None, "the registry answers 401", "`docker login` keeps some for it"),
    ],
)
def test_a_registry_that_asks_in_no_way_that_can_be_answered(
    layout: Path, challenge: str | None, answer: Answer | None, reason: str, hint: str
) -> None:
    with LocalRegistry(login="token", anonymous=False) as registry:
        registry.add(layout, "team/base", "3.11")
        if challenge is not None:
            header = {"WWW-Authenticate": challenge.format(host=registry.host)} if challenge else {}
            registry.fault("*/manifests/*", Answer(status=401, headers=header))
        if answer is not None:
            registry.fault("/token", answer)
        with pytest.raises(RegistryFailed) as caught:
            client(registry).document("3.11")
        name = registry.reference("team/base:3.11")
        assert told(caught.value) == (f"cannot use the image `{name}`: {reason}", hint, 5)


def test_a_registry_token_is_sent_as_it_is(layout: Path, tmp_path: Path) -> None:
    with LocalRegistry(login="token", anonymous=False) as registry:
        registry.add(layout, "team/base", "3.11")
        registry.tokens["ours"] = frozenset({"team/base pull"})
        auths = {registry.host: {"registrytoken": "ours"}}
        environment = configured(tmp_path / "docker", {"auths": auths})
        assert client(registry, environment=environment).document("3.11").digest
        assert registry.requests("GET /token*") == []


# -- trust ---------------------------------------------------------------------------------------------


def test_a_certificate_of_an_own_authority(
    layout: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with LocalRegistry(certificate=certificate) as registry:
        registry.add(layout, "team/base", "3.11")
        with pytest.raises(RegistryFailed) as caught:
            client(registry).document("3.11")
        name = registry.reference("team/base:3.11")
        message = f"cannot use the image `{name}`: the registry's certificate is not trusted"
        hint = "let REQUESTS_CA_BUNDLE name the certificates of your network"
        assert told(caught.value) == (message, hint, 5)
        assert registry.log == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert client(registry).document("3.11").digest


# -- mirrors -------------------------------------------------------------------------------------------


def test_a_mirror_of_docker_hub_with_a_path(layout: Path) -> None:
    with LocalRegistry() as registry:
        registry.add(layout, "proxy/library/python", "3.11")
        reference = parse_reference("python:3.11")
        sources = {"docker.io": f"http://{registry.host}/proxy"}
        store = Registry(reference, sources=sources, environment={})
        assert store.document("3.11").digest
        assert store.name == "docker.io/library/python:3.11"


# -- pushing -------------------------------------------------------------------------------------------


def pushed(store: Registry, source: Registry, manifest: Document) -> None:
    image = parse_manifest(manifest)
    for blob in (image.config, *image.layers):
        store.upload(blob, source.chunks(blob))
    store.put(manifest, store.reference.version)


def test_an_image_is_pushed_with_its_exact_bytes(layout: Path, tmp_path: Path) -> None:
    with LocalRegistry(login="token") as registry:
        registry.add(layout, "team/base", "3.11")
        environment = configured(tmp_path / "docker", login(registry))
        source = client(registry, environment=environment)
        target = client(registry, "other/image:1", environment=environment)
        manifest = source.document("3.11")
        pushed(target, source, manifest)
        assert target.document("1").content == manifest.content


def test_a_blob_of_another_repository_is_mounted_with_one_token_for_both(
    layout: Path, tmp_path: Path
) -> None:
    with LocalRegistry(login="token") as registry:
        registry.add(layout, "team/base", "3.11")
        environment = configured(tmp_path / "docker", login(registry))
        blob = first_layer(client(registry, environment=environment))
        target = client(registry, "other/image:1", environment=environment)
        assert not target.has_blob(blob.digest)
        assert target.mount(blob.digest, "team/base")
        assert target.has_blob(blob.digest)


def test_a_registry_that_mounts_nothing(layout: Path) -> None:
    with LocalRegistry(mounts=False) as registry:
        registry.add(layout, "team/base", "3.11")
        blob = first_layer(client(registry))
        assert not client(registry, "other/image:1").mount(blob.digest, "team/base")


def test_a_push_without_credentials_is_refused(layout: Path) -> None:
    with LocalRegistry(login="token") as registry:
        registry.add(layout, "team/base", "3.11")
        source = client(registry)
        with pytest.raises(RegistryFailed) as caught:
            pushed(client(registry, "other/image:1"), source, source.document("3.11"))
        name = registry.reference("other/image:1")
        message = f"cannot use the image `{name}`: the registry answers 401"
        assert told(caught.value) == (message, "`docker login` keeps some for it", 5)


def test_a_registry_that_names_no_place_for_a_blob(registry: LocalRegistry) -> None:
    target = client(registry, "other/image:1")
    blob = Descriptor(media_type="", digest=digest_of(b"wanted"), size=6)
    registry.fault("POST */uploads/", Answer(status=202, headers={"Location": "http://["}))
    with pytest.raises(RegistryFailed) as caught:
        target.upload(blob, iter([b"wanted"]))
    message = f"cannot use the image `{registry.reference('other/image:1')}`: "
    assert told(caught.value) == (f"{message}the registry names no place for a blob", AGAIN, 5)


def test_nothing_stands_in_the_registry_after_an_upload_of_other_bytes(layout: Path) -> None:
    with LocalRegistry() as registry:
        registry.add(layout, "team/base", "3.11")
        target = client(registry, "other/image:1")
        blob = Descriptor(media_type="", digest=digest_of(b"wanted"), size=6)
        with pytest.raises(RegistryFailed):
            target.upload(blob, iter([b"others"]))
        assert not target.has_blob(blob.digest)

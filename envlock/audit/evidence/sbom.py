"""Evidence -> a CycloneDX bill of materials: every distribution, conda package and CUDA library by hash."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from envlock import __version__
from envlock.audit.evidence.gather import runtimes
from envlock.audit.evidence.model import CarriedLibrary, Evidence, Installed
from envlock.audit.evidence.needed import needed
from envlock.lock.model import CondaPackage, Distribution, Lock, Wheel

if TYPE_CHECKING:
    from cyclonedx.model import HashType, Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

NAME = "sbom.cdx.json"
ROOT = "environment"
LICENCE, READ, PATH, CUDA = "envlock:licence", "envlock:dist-info", "envlock:path", "envlock:cuda"
_SPACE = uuid.UUID("6f1bd2c4-0d3f-5d55-9a0b-2f0f8d1a7c35")


def render_sbom(evidence: Evidence) -> bytes:
    """CycloneDX 1.6 JSON. The serial number is derived from the content; same evidence, same bytes."""
    needed("cyclonedx", "packageurl")
    from cyclonedx.output.json import JsonV1Dot6

    document = json.loads(JsonV1Dot6(_bom(evidence)).output_as_string())
    if not evidence.made:
        del document["metadata"]["timestamp"]
    del document["serialNumber"]
    content = json.dumps(document, sort_keys=True).encode()
    serial = uuid.uuid5(_SPACE, hashlib.sha256(content).hexdigest())
    whole = {"$schema": "", "bomFormat": "", "specVersion": "", "serialNumber": serial.urn, **document}
    return (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode()


def lock_sbom(lock: Lock, data: bytes, platform: str) -> bytes:
    """The bill of a lock alone, `data` being its bytes: without licences, which only an environment tells,
    and without a time. Raises ToolMissing."""
    bare = Evidence(
        title=lock.project or "a locked environment",
        platform=platform,
        lock=lock,
        lock_data=data,
        runtime=runtimes(lock, platform),
        reports=(),
        receipts=(),
        host={},
        installed={},
        made="",
    )
    return render_sbom(bare)


def faults_of_schema(data: bytes) -> str | None:
    """What is wrong with a bill, by the library's strict validator; None where nothing is."""
    needed("cyclonedx", "jsonschema")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode())
    return None if fault is None else str(fault)


def _bom(evidence: Evidence) -> Bom:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType

    bom = Bom(serial_number=uuid.UUID(int=0))
    made = evidence.made or "1970-01-01T00:00:00Z"
    bom.metadata.timestamp = datetime.fromisoformat(made.replace("Z", "+00:00"))
    bom.metadata.tools.components.add(
        Component(name="envlock", version=__version__, type=ComponentType.APPLICATION)
    )
    root = Component(
        name=evidence.title,
        type=ComponentType.APPLICATION,
        bom_ref=ROOT,
        properties=_properties(_environment_facts(evidence)),
    )
    bom.metadata.component = root
    rows = tuple(evidence.lock.on(evidence.platform))
    wheels = {row.name: _distribution(row, wheel, evidence) for row, wheel in rows}
    conda = (
        [_conda(row, evidence) for row in evidence.lock.conda_on(evidence.platform)]
        if evidence.is_conda
        else []
    )
    others = [*conda, _python(evidence), *_image(evidence)]
    bom.components.update((*wheels.values(), *others))
    for row, _ in rows:
        bom.register_dependency(wheels[row.name], [wheels[name] for name in row.requires if name in wheels])
    bom.register_dependency(root, [*wheels.values(), *others])
    return bom


def _environment_facts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    stack = evidence.stack
    yield "envlock:platform", evidence.platform
    yield "envlock:lockfile:sha256", hashlib.sha256(evidence.lock_data).hexdigest()
    yield from ((f"envlock:runtime:{kind}", value) for kind, value in evidence.runtime.items())
    yield from ((f"envlock:setting:{name}", value) for name, value in evidence.lock.settings.items())
    told = (("torch", stack.torch), ("cuda", stack.cuda), ("cudnn", stack.cudnn), ("nccl", stack.nccl))
    yield from ((f"envlock:stack:{name}", value) for name, value in told if value)
    if stack.driver:
        yield "envlock:nvidia-driver:at-least", stack.driver


def _distribution(row: Distribution, wheel: Wheel, evidence: Evidence) -> Component:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    reference = wheel_ref(row.name)
    said = evidence.installed.get(row.name)
    facts = (
        ("envlock:digest", wheel.digest),
        ("envlock:file", wheel.file),
        ("envlock:files", str(wheel.files)),
        ("envlock:index", row.index),
        ("envlock:unpacked-bytes", str(wheel.unpacked)),
        *_read(said),
    )
    return Component(
        name=row.name,
        version=row.version,
        type=ComponentType.LIBRARY,
        bom_ref=reference,
        purl=PackageURL("pypi", None, row.name, row.version, {"file_name": wheel.file}),
        hashes=[_sha256(wheel.sha256)],
        licenses=_licences(said),
        properties=_properties(facts),
        components=[_library(reference, each) for each in said.libraries] if said is not None else (),
    )


def _read(said: Installed | None) -> Iterator[tuple[str, str]]:
    """That it was looked at, and its licences as they are spelled: CycloneDX knows some under other names."""
    if said is not None:
        yield READ, "read in the environment"
        yield from ((LICENCE, text) for text in said.licences)


def _licences(said: Installed | None) -> list[License]:
    from cyclonedx.contrib.license.factories import LicenseFactory

    texts = said.licences if said is not None else ()
    return [LicenseFactory().make_from_string(text) for text in texts]


def conda_ref(name: str) -> str:
    return f"conda:{name}"


def wheel_ref(name: str) -> str:
    return f"distribution:{name}"


def _library(owner: str, library: CarriedLibrary) -> Component:
    from cyclonedx.model.component import Component, ComponentType

    return Component(
        name=library.path.rpartition("/")[2],
        type=ComponentType.FILE,
        bom_ref=f"{owner}/{library.path}",
        hashes=[_sha256(library.sha256)],
        properties=_properties(((PATH, library.path), *(((CUDA, library.cuda),) if library.cuda else ()))),
    )


def _conda(row: CondaPackage, evidence: Evidence) -> Component:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    said = evidence.installed.get(conda_ref(row.name))
    where = {"build": row.build, "channel": row.channel, "subdir": row.subdir}
    return Component(
        name=row.name,
        version=row.version,
        type=ComponentType.LIBRARY,
        bom_ref=conda_ref(row.name),
        purl=PackageURL("conda", None, row.name, row.version, where),
        hashes=[_sha256(row.sha256)],
        licenses=_licences(said),
        properties=_properties((("envlock:file", row.file), ("envlock:paths", row.paths), *_read(said))),
        components=[_library(conda_ref(row.name), each) for each in said.libraries] if said else (),
    )


def _python(evidence: Evidence) -> Component:
    from cyclonedx.model.component import Component, ComponentType

    note = (("envlock:exact", evidence.lock.python_exact),)
    return Component(
        name="cpython",
        version=evidence.lock.python,
        type=ComponentType.PLATFORM,
        bom_ref="python",
        properties=_properties(note),
    )


def _image(evidence: Evidence) -> Iterator[Component]:
    from cyclonedx.model.component import Component, ComponentType

    image = evidence.lock.image
    locked = image.platforms.get(evidence.platform) if image is not None else None
    if image is not None and locked is not None:
        yield Component(
            name=image.base,
            type=ComponentType.CONTAINER,
            bom_ref="base-image",
            hashes=[_sha256(locked.manifest.removeprefix("sha256:"))],
        )


def _sha256(value: str) -> HashType:
    from cyclonedx.model import HashAlgorithm, HashType

    return HashType(alg=HashAlgorithm.SHA_256, content=value)


def _properties(rows: Iterable[tuple[str, str]]) -> list[Property]:
    from cyclonedx.model import Property

    return [Property(name=name, value=value) for name, value in rows]

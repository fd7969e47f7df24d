"""Answers to what venues ask about reproducibility: those that the evidence gives, and no other.

The questions are named by their topic, in our own words: the wording changes from year to year, and stands
in the venue's own form. What the evidence cannot know is left to the author, and said to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envlock.audit.evidence import view
from envlock.audit.evidence.escaping import markdown
from envlock.audit.evidence.model import Evidence
from envlock.report.text import size

CHECKLIST, ARTIFACT = "reproducibility-checklist.md", "artifact-appendix.md"
LEFT = "Left to the author: nothing in this evidence speaks of it."


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`text` None: left to the author, with `missing` saying what is not known here."""

    topic: str
    text: str | None
    missing: str = LEFT


def render_checklist(evidence: Evidence) -> bytes:
    """For the reproducibility checklists of machine-learning venues."""
    head = "The topics are those of machine-learning reproducibility checklists (NeurIPS and its kin)."
    return _page("Reproducibility checklist", head, tuple(_checklist(evidence)))


def render_artifact(evidence: Evidence) -> bytes:
    """For the artifact appendix of ACM conferences."""
    head = "The topics are those of the artifact appendix that ACM conferences ask for."
    return _page("Artifact appendix", head, tuple(_artifact(evidence)))


def _page(title: str, head: str, answers: tuple[Answer, ...]) -> bytes:
    known = sum(answer.text is not None for answer in answers)
    lines = [f"# {title}", "", head, ""]
    lines += [f"{known} of {len(answers)} topics are answered from the evidence in this folder;"]
    lines += ["the others are left to the author, and marked `TO DO`.", ""]
    for answer in answers:
        lines += [f"## {answer.topic}", ""]
        lines += [markdown(answer.text) if answer.text is not None else f"`TO DO` {answer.missing}", ""]
    return "\n".join(lines).encode()


def _checklist(evidence: Evidence) -> Iterator[Answer]:
    yield Answer(topic="Claims and their scope", text=None)
    yield Answer(topic="Limitations", text=None)
    yield Answer(topic="Assumptions and proofs", text=None)
    yield Answer(topic="Steps that reproduce the main results", text=_steps(evidence), missing=_NO_RUN)
    yield Answer(topic="Access to code and data", text=_code(evidence), missing=_NO_CODE)
    yield Answer(topic="Dependencies of the code", text=_dependencies(evidence))
    yield Answer(topic="Settings of training and evaluation", text=_settings(evidence), missing=_NO_SETTINGS)
    yield Answer(topic="Statistical significance and number of runs", text=_runs(evidence), missing=_NO_RUN)
    yield Answer(topic="Compute resources and infrastructure", text=_compute(evidence), missing=_NO_HOST)
    yield Answer(topic="Numerical determinism", text=_numerics(evidence), missing=_NO_NUMERICS)
    yield Answer(topic="Licences of software that is used", text=_licences(evidence), missing=_NO_LICENCES)
    yield Answer(topic="Licences of data and models that are used", text=None)
    yield Answer(topic="New assets and their documentation", text=None)
    yield Answer(topic="Ethics, broader impact and safeguards", text=None)
    yield Answer(topic="People as participants, and review boards", text=None)
    yield Answer(topic="Use of language models in the method", text=None)


def _artifact(evidence: Evidence) -> Iterator[Answer]:
    yield Answer(topic="Abstract", text=None)
    yield Answer(topic="Algorithm", text=None)
    yield Answer(topic="Program", text=_code(evidence), missing=_NO_CODE)
    yield Answer(topic="Binary", text=_binary(evidence))
    yield Answer(topic="Model", text=None)
    yield Answer(topic="Data set", text=None)
    yield Answer(topic="Run-time environment", text=_dependencies(evidence))
    yield Answer(topic="Hardware", text=_hardware(evidence), missing=_NO_HOST)
    yield Answer(topic="Run-time state", text=_settings(evidence), missing=_NO_SETTINGS)
    yield Answer(topic="Execution", text=_steps(evidence), missing=_NO_RUN)
    yield Answer(topic="Metrics", text=None)
    yield Answer(topic="Output", text=_outputs(evidence), missing=_NO_OUTPUTS)
    yield Answer(topic="Disk space required", text=_disk(evidence))
    yield Answer(topic="Time to prepare", text=None)
    yield Answer(topic="Time of the experiments", text=_time(evidence), missing=_NO_RUN)
    yield Answer(topic="Publicly available, and archived where", text=None)
    yield Answer(topic="Licence of the artifact", text=None)
    yield Answer(topic="Licences of software that is used", text=_licences(evidence), missing=_NO_LICENCES)
    yield Answer(topic="Installation", text=_INSTALLATION)
    yield Answer(topic="Evaluation and expected results", text=_expected(evidence), missing=_NO_OUTPUTS)


_INSTALLATION = (
    "With envlock.lock of this folder: “envlock sync -l envlock.lock” makes the environment, and “envlock "
    "verify -l envlock.lock --level content” proves every file of it, offline."
)
_NO_RUN = "No receipt of a run was handed over: `envlock run -- CMD` leaves one."
_NO_CODE = "No receipt names a commit, so which code made the results is not known here. Data: no word of it."
_NO_SETTINGS = "The lock has no settings, and no receipt of a run was handed over."
_NO_HOST = "No environment was verified when this was written, so no host was described."
_NO_NUMERICS = "No numeric probe was recorded or run: `envlock numerics record`, `verify --level numerics`."
_NO_LICENCES = "The environment was not at hand when this was written, so no licence was read."
_NO_OUTPUTS = "No receipt declares an output: `envlock run --output FILE -- CMD`."


def _dependencies(evidence: Evidence) -> str:
    count, files, _ = view.totals(evidence)
    return (
        f"{count} components are locked by version and sha256 in envlock.lock, with the identity of the "
        f"{files:,} files that the wheels install. {_told(view.stack_rows(evidence))}. Runtime hash "
        f"{evidence.main_hash}. sbom.cdx.json lists all of them. Verification: "
        f"{view.verdict_words(evidence)}."
    )


def _told(rows: tuple[view.Row, ...]) -> str:
    return "; ".join(f"{row.label} {row.value}" for row in rows)


def _steps(evidence: Evidence) -> str | None:
    rows = [f"“{view.command_of(each)}” at commit {view.commit_of(each)}" for each in evidence.receipts]
    if not rows:
        return None
    runs = f"Then, as the receipts have it: {'; '.join(rows)}."
    return f"{_INSTALLATION} {runs} What they show is the author's to say."


def _code(evidence: Evidence) -> str | None:
    found = sorted({view.commit_of(each) for each in evidence.receipts if each.receipt["code"] is not None})
    if not found:
        return None
    runs = f"The runs were of commit {'; '.join(found)}."
    return f"{runs} Where it and the data can be had is the author's to say."


def _settings(evidence: Evidence) -> str | None:
    rows = [f"{row.label}={row.value}" for row in view.setting_rows(evidence)]
    runs = sorted({view.command_of(each) for each in evidence.receipts})
    told = [f"Environment variables of the identity: {', '.join(rows)}."] if rows else []
    told += [f"Commands with their arguments: {'; '.join(f'“{run}”' for run in runs)}."] if runs else []
    told += ["Hyperparameters inside of files are the author's to say."] if told else []
    return " ".join(told) or None


def _runs(evidence: Evidence) -> str | None:
    if not evidence.receipts:
        return None
    count = len(evidence.receipts)
    return (
        f"{count} run{'s' * (count != 1)} left a receipt here. Error bars, what they range over and how they "
        "were computed are the author's to say."
    )


def _compute(evidence: Evidence) -> str | None:
    host = _hardware(evidence)
    time = _time(evidence)
    return " ".join(text for text in (host, time) if text) or None


def _hardware(evidence: Evidence) -> str | None:
    rows = view.host_rows(evidence)
    hosts = [row for each in view.references(evidence) for row in each.host.items()]
    classes = sorted({f"{key} {value}" for key, value in hosts})
    told = [f"Verified on: {_told(rows)}."] if rows else []
    told += [f"Numeric references were recorded on: {'; '.join(classes)}."] if classes else []
    told += ["Memory and storage were not recorded."] if told else []
    return " ".join(told) or None


def _time(evidence: Evidence) -> str | None:
    runs = [(each.receipt["about"]["seconds"], view.command_of(each)) for each in evidence.receipts]
    rows = [f"{seconds:g} s (“{command}”)" for seconds, command in runs]
    return f"Wall time by the receipts: {'; '.join(rows)}." if rows else None


def _numerics(evidence: Evidence) -> str | None:
    classes = [f"{len(each.probes)} probes of class {each.class_name}" for each in view.references(evidence)]
    reports = [(each.name, each.numerics) for each in evidence.reports]
    seen = [f"{name}: {found.equal} of {found.total} probes equal" for name, found in reports if found]
    rows = [f"{row.probe} ({row.where}): {row.words}" for row in view.apart(evidence)]
    told = [f"Fingerprints in the lock: {', '.join(classes)}."] if classes else []
    told += [f"{'; '.join(seen)}."] if seen else []
    told += [f"Differences: {'; '.join(rows)}."] if rows else []
    return " ".join(told) or None


def _licences(evidence: Evidence) -> str | None:
    if not evidence.installed:
        return None
    rows = view.parts(evidence)
    names = sorted({name for part in rows for name in part.licences})
    unknown = sorted(part.name for part in rows if not part.licences)
    tail = f" Without a licence in their metadata: {', '.join(unknown)}." if unknown else ""
    known = f"As the packages' own metadata has them: {'; '.join(names) or 'none'}."
    return f"{known}{tail} By package: sbom.cdx.json."


def _binary(evidence: Evidence) -> str:
    libraries = [each for row in evidence.installed.values() for each in row.libraries]
    cuda = sorted({each.cuda for each in libraries if each.cuda})
    told = f" CUDA libraries among them: {', '.join(cuda)}." if cuda else ""
    inside = f" {len(libraries)} shared libraries are listed in the SBOM by hash.{told}" if libraries else ""
    return f"All binaries come as locked wheels or packages, each with its sha256 in envlock.lock.{inside}"


def _outputs(evidence: Evidence) -> str | None:
    rows = [
        f"{name} (sha256 {output['sha256'] or 'not there'})"
        for each in evidence.receipts
        for name, output in sorted(each.receipt["outputs"].items())
    ]
    return f"Declared outputs: {'; '.join(rows)}." if rows else None


def _expected(evidence: Evidence) -> str | None:
    outputs = _outputs(evidence)
    if outputs is None:
        return None
    return (
        "The same command in the same runtime on the same numerics class should give the same bytes. "
        f"{outputs} envlock receipt compare holds two runs against each other."
    )


def _disk(evidence: Evidence) -> str:
    _, _, size_bytes = view.totals(evidence)
    down = sum(wheel.size for _, wheel in evidence.lock.on(evidence.platform))
    conda = list(evidence.lock.conda_on(evidence.platform)) if evidence.is_conda else []
    down += sum(package.size for package in conda)
    more = " and what the conda packages unpack to, which the lock does not say" if conda else ""
    return f"{size(size_bytes)} on disk{more}, {size(down)} to download. Data is the author's to add."

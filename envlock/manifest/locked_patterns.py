"""What names, versions and paths of packages look like wherever they are written: in a channel, in a lock."""

from __future__ import annotations

from envlock.manifest.platforms import Platform
from envlock.manifest.tables import rule

NAME = rule(r"[a-z0-9]+(?:-[a-z0-9]+)*", "a normalised distribution name (PEP 503)")
VERSION = rule(r"[A-Za-z0-9][A-Za-z0-9!+._-]{0,127}", "a version (PEP 440)")
# relative, normalised, without control characters (IDENTITY 2.6)
FIXUP_PATH = rule(
    r"(?!/)(?!(?:.*/)?\.{0,2}(?:/|$))[^\x00-\x1f\x7f\\]+",
    "a relative path without `..` and control characters",
)
CONDA_NAME = rule(r"[a-z0-9_][a-z0-9_.-]{0,127}", "the name of a conda package")
CONDA_VERSION = rule(r"[A-Za-z0-9_][A-Za-z0-9_.!+~]{0,127}", "the version of a conda package")
CONDA_BUILD = rule(r"[A-Za-z0-9_][A-Za-z0-9_.!+~]{0,127}", "the build string of a conda package")
CONDA_SUBDIR = rule("|".join((*Platform, "noarch")), "a platform, or `noarch`")
CONDA_NOARCH = rule(r"python|generic", "`python` or `generic`")
CONDA_FILE = rule(
    r"[a-z0-9_][A-Za-z0-9_.!+~-]{0,299}\.(?:conda|tar\.bz2)", "the file name of a conda package"
)
CONDA_SPEC = rule(r"[a-z0-9_A-Z][ -~]{0,499}", "a conda match specification")
CONDA_DISTRIBUTION = rule(rf"{NAME.text}=={VERSION.text}", "a distribution like `numpy==2.3.5`")
ENTRY_POINT = rule(
    r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127} = [A-Za-z_][A-Za-z0-9_.]{0,255}:[A-Za-z_][A-Za-z0-9_.]{0,255}",
    "an entry point like `f2py = numpy.f2py.f2py2e:main`",
)
CONDA_LINK = rule(
    r"(?!/)(?!(?:.*/)?\.{0,2}/)(?:(?! -> )[^\x00-\x1f\x7f\\])+ -> (?!/)(?:(?! -> )[^\x00-\x1f\x7f]){1,4096}",
    "a link like `lib/python3.1 -> python3.11`",
)
LINK_SCRIPT = rule(r"(?:pre|post)-(?:link|unlink)", "`post-link`, `pre-link`, `pre-unlink` or `post-unlink`")
MD5 = rule(r"[0-9a-f]{32}", "32 hexadecimal digits in lower case")

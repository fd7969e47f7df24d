"""The scripts that installers write for entry points, below the shebang.

Each text was taken from a script that the named release really wrote for `console_scripts` and
`gui_scripts` (they do not differ on POSIX systems); conda's is the template of its public source,
conda/gateways/disk/create.py, and conda-build's the one of conda_build/utils.py. `{import_name}` is
the first part of `{func}`.
"""

from typing import Tuple

# (who writes it, text)
TEMPLATES: Tuple[Tuple[str, str], ...] = (
    (
        "pip 20.0 - 25.1, distlib 0.3",
        """\
# -*- coding: utf-8 -*-
import re
import sys
from {module} import {import_name}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit({func}())
""",
    ),
    (
        "pip 25.2 - 25.3",
        """\
import sys
from {module} import {import_name}
if __name__ == '__main__':
    if sys.argv[0].endswith('.exe'):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({func}())
""",
    ),
    (
        "pip 26.0 - 26.3",
        """\
import sys
from {module} import {import_name}
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit({func}())
""",
    ),
    (
        "uv 0.4 - 0.5, Debian's pip",
        """\
# -*- coding: utf-8 -*-
import re
import sys
from {module} import {import_name}
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit({func}())
""",
    ),
    (
        "uv 0.5 - 0.13",
        """\
# -*- coding: utf-8 -*-
import sys
from {module} import {import_name}
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit({func}())
""",
    ),
    (
        "virtualenv 20 - 21, distlib 0.4",
        """\
# -*- coding: utf-8 -*-
import re
import sys
if __name__ == '__main__':
    from {module} import {import_name}
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit({func}())
""",
    ),
    (
        "conda 4.4 and newer, mamba",
        """\
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {import_name}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({func}())
""",
    ),
    (
        "conda-build 3 and newer",
        """\

# -*- coding: utf-8 -*-
import re
import sys

from {module} import {import_name}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({func}())
""",
    ),
    (
        "rattler 0.28 (pixi, py-rattler)",
        """\
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {import_name}

if __name__ == '__main__':
\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
\tsys.exit({func}())
""",
    ),
)

"""Editable finders of setuptools, by the sha256 of their text with mappings and names blanked.

Source: `_FINDER_TEMPLATE` in setuptools/command/editable_wheel.py of each release, read from its wheel.
Written by scripts/refresh_editable.py.
"""

FINDERS = {
    "64793e33ba77a1581eed5e4b7815131d50a921d113ca94408b30bfd273c99296": "setuptools 64.0.0 - 65.1.0",
    "0b146343acd8034d14ef5d30cafc2513dcf2fe3c286dd80cb289a3e96712c102": "setuptools 65.1.1 - 65.2.0",
    "84c9d12b00e37b4364d950e1dd6f849bc1f8fdb5a0bc028f3a26ddcd590c53bd": "setuptools 65.3.0 - 68.0.0",
    "f5d349cda0badbdbca95a5d906f0d642d55bdd866a88514b6a8400dbe03671fc": "setuptools 68.1.0 - 68.1.0",
    "0146fee5940d5bf088dc7340aef8cf44e5ace14263f42619dd5e760f95c5b9fa": "setuptools 68.1.2 - 68.1.2",
    "afebff1e2315af23c71641e7867bad4c0394424ee5814ac75f32b12ce430fd2e": "setuptools 68.2.0 - 69.5.1",
    "a76e77642d05c259aa6187112c6e1951e048086ddd4839eca949db78e200b2b3": "setuptools 70.0.0 - 70.3.0",
    "3be513f3ea015d0c867cd0371b8b3196b092f59dda576b75c7d18c77d3105f62": "setuptools 71.0.0 - 84.2.1",
}

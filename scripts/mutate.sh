#!/bin/sh
# Mutation testing (docs/testing.md) in a copy of the tree, where what was tried is kept:
#     sh scripts/mutate.sh                            every module of [tool.mutmut] in pyproject.toml
#     sh scripts/mutate.sh 'envlock.agent.merkle.*'   some of them
#     cd .cache/mutation && .venv/bin/mutmut show NAME    what a survivor changed
set -eu
cd "$(dirname "$0")/.."
copy=.cache/mutation
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -p --parents -t "$copy"
cd "$copy"
[ -x .venv/bin/python ] || sh scripts/setup.sh .venv
.venv/bin/uv pip install --quiet --python .venv/bin/python --group mutation
unset PYTHONPYCACHEPREFIX
CI=1 .venv/bin/python scripts/mutants.py "$@"
.venv/bin/mutmut results

"""A repository or a lock -> what others can check: findings, comparisons, papers, bundles."""

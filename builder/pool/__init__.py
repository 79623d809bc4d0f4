"""What does a recovery ISO carry for a machine that has no network?

`pool.tar` has a folder for each kind of bundle: `apt/`, `wheels/`, `npm/`, `flatpak/`, … A kind is a module
with one function:

    def gather(posture: Posture, target: Target, folder: Path, say: Say) -> Gathered

It leaves files below `folder`, which is its own and stays from build to build: what is there and right is not
downloaded again, what is of no use any more is removed. It returns which files belong into the pool, and per
item what cannot be bundled; it raises no Failure for one item's sake. The same posture gives the same bytes
while the world has the same packages.

The payload carries the pool's index: names, sizes and digests, so that its signature covers the pool. An
installer unpacks the pool to POOL of builder/pool/index.py, where everybody may read it. Before the playbook
is played, what is not as the index says is removed, apt's own files aside: these apt holds against a signed
Release. So whatever a step finds in POOL is what was gathered.
"""

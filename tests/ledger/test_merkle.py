"""The Merkle code against RFC 6962 vectors that others wrote, and against its own definition."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle

VECTORS = Path(__file__).parents[3] / "shared/data/rfc6962/vectors.jsonl"
leaves = st.lists(st.binary(max_size=8).map(merkle.leaf_hash), min_size=1, max_size=70)


def decode(text: str | None) -> bytes:
    return base64.b64decode(text) if text else b""


def cases(kind: str) -> list[dict]:
    found = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    return [case for case in found if case["kind"] == kind]


@pytest.mark.parametrize(("kind", "count"), [("consistency", 98), ("inclusion", 98)])
def test_every_vector_of_the_kind_is_there(kind, count):
    assert len(cases(kind)) == count


@pytest.mark.parametrize("case", cases("consistency"), ids=lambda case: case["name"])
def test_consistency_vectors(case):
    proof = [decode(step) for step in case["proof"] or []]
    held = merkle.verify_consistency(case["size1"], case["size2"], proof, decode(case["root1"]), decode(case["root2"]))
    assert held is not case["wantErr"]


@pytest.mark.parametrize("case", cases("inclusion"), ids=lambda case: case["name"])
def test_inclusion_vectors(case):
    proof = [decode(step) for step in case["proof"] or []]
    leaf, root = decode(case["leafHash"]), decode(case["root"])
    assert merkle.verify_inclusion(case["leafIdx"], case["treeSize"], leaf, proof, root) is not case["wantErr"]


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    split = max(1 << bit for bit in range(20) if 1 << bit < len(hashes))
    return merkle.node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


@given(leaves)
def test_accumulator_gives_the_root_of_the_definition(hashes):
    assert merkle.root(hashes) == naive_root(hashes)


@given(leaves, st.data())
def test_accumulator_goes_on_from_its_subtrees(hashes, data):
    cut = data.draw(st.integers(0, len(hashes)))
    first = merkle.subtree_of(hashes)
    tree = merkle.MerkleAccumulator(cut, [first(start, size) for start, size in merkle.complete_subtrees(cut)])
    for leaf in hashes[cut:]:
        tree.append(leaf)
    assert (tree.size, tree.root()) == (len(hashes), naive_root(hashes))


@given(leaves, st.data())
def test_inclusion_proof_holds_for_its_leaf_and_no_other(hashes, data):
    index = data.draw(st.integers(0, len(hashes) - 1))
    proof = merkle.inclusion_proof(index, len(hashes), merkle.subtree_of(hashes))
    root = merkle.root(hashes)
    assert merkle.verify_inclusion(index, len(hashes), hashes[index], proof, root)
    assert not merkle.verify_inclusion(index, len(hashes), merkle.leaf_hash(b"another leaf"), proof, root)


@given(leaves, st.data())
def test_consistency_proof_holds_and_fails_for_another_past(hashes, data):
    old = data.draw(st.integers(1, len(hashes)))
    proof = merkle.consistency_proof(old, len(hashes), merkle.subtree_of(hashes))
    old_root, root = merkle.root(hashes[:old]), merkle.root(hashes)
    assert merkle.verify_consistency(old, len(hashes), proof, old_root, root)
    assert not merkle.verify_consistency(old, len(hashes), proof, merkle.leaf_hash(b"another past"), root)


def test_empty_tree_is_the_hash_of_nothing():
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("index", [-1, 3])
def test_inclusion_proof_outside_the_tree_is_refused(index):
    with pytest.raises(ValueError, match="is not in a tree of 3 leaves"):
        merkle.inclusion_proof(index, 3, merkle.subtree_of([merkle.leaf_hash(b"")] * 3))


def test_accumulator_refuses_subtrees_that_do_not_fit_the_size():
    with pytest.raises(ValueError, match="2 complete subtrees"):
        merkle.MerkleAccumulator(3, [b"one"])


@given(st.lists(st.integers(0, 70), max_size=8))
def test_extending_by_many_is_appending_each(sizes):
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(sum(sizes))]
    one, many, start = merkle.MerkleAccumulator(), merkle.MerkleAccumulator(), 0
    for leaf in leaves:
        one.append(leaf)
    for size in sizes:
        many.extend(b"".join(leaves[start : start + size]))
        start += size
    assert (many.size, many.roots) == (one.size, one.roots)


@given(st.integers(0, 5), st.integers(0, 40))
def test_a_subtree_added_at_once_is_that_of_its_leaves(height, before):
    start = before << height
    leaves = [merkle.leaf_hash(bytes([number % 256])) for number in range(start + (1 << height))]
    one, other = merkle.MerkleAccumulator(), merkle.MerkleAccumulator()
    for leaf in leaves[:-1]:
        one.append(leaf)
    finished = one.append(leaves[-1])
    other.extend(b"".join(leaves[:start]))
    found = other.append_subtree(merkle.root(leaves[start:]), height)
    assert (other.size, other.roots) == (one.size, one.roots)
    assert [node for _, node in found[1:]] == finished[height:]
    if height and start:
        with pytest.raises(ValueError, match="no subtree of"):
            merkle.MerkleAccumulator(1, [leaves[0]]).append_subtree(leaves[0], height)

"""Merkle trees of RFC 6962 (section 2.1) with the proof algorithms of RFC 9162 (sections 2.1.3 and 2.1.4); pure.

A leaf is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right), the empty tree SHA-256 of nothing. Hashes are 32 raw bytes.
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_SIZE = 32
sha256 = hashlib.sha256
EMPTY_ROOT = hashlib.sha256(b"").digest()

#: Answers the hash of the complete subtree that starts at leaf `start` and has `size` (a power of two) leaves.
Subtree = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class MerkleAccumulator:
    """Grows a tree leaf by leaf in O(log n) memory: it keeps one root for each complete subtree of the size's binary form."""

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()):
        if len(roots) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees, not {len(roots)}")
        self.size = size
        self.roots = list(roots)

    def append(self, leaf: bytes) -> list[bytes]:
        """Add a leaf hash. Returns the roots of the complete subtrees it finished: of 2, 4, 8 … leaves."""
        finished = []
        node, rest = leaf, self.size
        while rest & 1:
            node = node_hash(self.roots.pop(), node)
            finished.append(node)
            rest >>= 1
        self.roots.append(node)
        self.size += 1
        return finished

    def append_subtree(self, node: bytes, height: int) -> list[tuple[int, bytes]]:
        """Add a complete subtree of 2^height leaves, where one may stand. Returns (height, root) of it and of those it finished."""
        finished, rest = [(height, node)], self.size >> height
        if self.size != rest << height:
            raise ValueError(f"no subtree of {1 << height} leaves can stand behind {self.size} leaves")
        self.size += 1 << height
        while rest & 1:
            node, height, rest = node_hash(self.roots.pop(), node), height + 1, rest >> 1
            finished.append((height, node))
        self.roots.append(node)
        return finished

    def extend(self, leaves: bytes) -> None:
        """Add leaf hashes, one after the other in one string. Complete subtrees are hashed level by level, which is quicker."""
        start = 0
        while start < len(leaves):
            # The largest complete subtree that may stand here, and for which there are leaves.
            room = (self.size & -self.size) or len(leaves)
            count = 1 << min(room, (len(leaves) - start) // HASH_SIZE).bit_length() - 1
            level = leaves[start : start + count * HASH_SIZE]
            start += len(level)
            while len(level) > HASH_SIZE:
                pairs = range(0, len(level), 2 * HASH_SIZE)
                level = b"".join([sha256(b"\x01" + level[at : at + 2 * HASH_SIZE]).digest() for at in pairs])
            node, rest = level, self.size // count
            while rest & 1:
                node = node_hash(self.roots.pop(), node)
                rest >>= 1
            self.roots.append(node)
            self.size += count

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        if not self.roots:
            return EMPTY_ROOT
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = node_hash(left, node)
        return node


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = MerkleAccumulator()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def subtree_of(leaves: Sequence[bytes]) -> Subtree:
    """Subtree hashes computed from the leaves themselves."""
    return lambda start, size: root(leaves[start : start + size])


def complete_subtrees(size: int) -> list[tuple[int, int]]:
    """(start, size) of the complete subtrees that a tree of `size` leaves is made of, left to right."""
    parts, start = [], 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            parts.append((start, 1 << bit))
            start += 1 << bit
    return parts


def range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """The hash over leaves start … end-1 as RFC 6962 splits them; `start` is a multiple of the range's power of two."""
    count = end - start
    if count & (count - 1) == 0:
        return subtree(start, count)
    split = 1 << (count - 1).bit_length() - 1
    return node_hash(range_root(start, start + split, subtree), range_root(start + split, end, subtree))


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    proof, start, end = [], 0, size
    while end - start > 1:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if index < split:
            proof.append(range_root(split, end, subtree))
            end = split
        else:
            proof.append(range_root(start, split, subtree))
            start = split
    return proof[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `new` leaves extends that of `old` (RFC 6962, 2.1.2). Empty for old = 0 or old = new."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is not a beginning of one of {new}")
    if old in {0, new}:
        return []
    proof, start, end, is_whole = [], 0, new, True
    while old != end:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if old <= split:
            proof.append(range_root(split, end, subtree))
            end = split
        else:
            proof.append(range_root(start, split, subtree))
            start, is_whole = split, False
    if not is_whole:
        proof.append(range_root(start, end, subtree))
    return proof[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof shows `leaf` at `index` in the tree of `size` leaves with root `expected` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != HASH_SIZE:
        return False
    fn, sn, node = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(step, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == expected


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the proof shows that the tree (new, new_root) extends (old, old_root) (RFC 9162, 2.1.4.2).

    Nothing can be proved from the empty tree, which every tree extends: `old` = 0 is never accepted.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node_hash(step, first), node_hash(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root

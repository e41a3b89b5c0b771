"""The names of an item's account and holder: what its leaf holds in their place, and whose they are.

What a leaf covers can never change, so since the terms of a launch say `"holders": "committed"` it covers no names: the cell
`account_name` is a commitment to both, `identity_name` is empty. The commitment is the hex SHA-256 of the prefix, a random salt of 16 bytes
(a version 4 UUID of RFC 9562: 122 random bits) and the RFC 8785 array of account_name and identity_name. Whoever has the salt can check
the names; without it nobody can find them out by trying. Each item has a salt of its own: equal names cannot be told from others.
"""

HOLDERS, COMMITTED = "holders", "committed"
PREFIX = "certify-item-names/1\\012"

#: SQL: a salt.
SALT = "uuid_send(gen_random_uuid())"
#: SQL: whose names a staged grant's are.
REF = (
    "CASE WHEN staged.identity_id IS NULL THEN 'inventory.account:' || staged.account_id"
    " ELSE 'inventory.identity:' || staged.identity_id END"
)


def commitment_sql(row: str) -> str:
    """SQL: the commitment of a row that has name_salt, account_name and identity_name; 32 bytes."""
    names = f"array_to_json(ARRAY[{row}.account_name, {row}.identity_name]::text[])::text"
    return f"sha256('{PREFIX}'::bytea || {row}.name_salt || convert_to({names}, 'UTF8'))"

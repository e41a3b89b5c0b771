"""The pieces of SQL that speak of conflicts of duties; pure. They take the day as `%(scope_today)s` or `%(today)s`."""

#: An exception that covers the conflict `conflict` of the rule `rule` on a day: it names every right that is held of both sides.
COVERING = """
    FROM campaigns_sodexception AS exception
    WHERE exception.rule_id = conflict.rule_id AND exception.identity_id = conflict.identity_id
        AND exception.rule_version = rule.version AND exception.ends_on >= %({today})s
        AND EXISTS (SELECT FROM campaigns_sodexceptionstep AS step WHERE step.exception_id = exception.id AND step.code = 'approved')
        AND NOT EXISTS (SELECT FROM campaigns_sodexceptionstep AS step WHERE step.exception_id = exception.id AND step.code = 'ended')
        AND NOT EXISTS (
            SELECT FROM campaigns_sodconflictgrant AS held JOIN inventory_grant AS open ON open.id = held.grant_id
            WHERE held.conflict_id = conflict.id AND NOT EXISTS (
                SELECT FROM campaigns_sodexceptionright AS named WHERE named.exception_id = exception.id
                    AND named.side = held.side AND named.entitlement_id = open.entitlement_id))
"""
#: Which grants make a conflict that stands and that no exception covers, joined to `granted`.
UNRESOLVED = (
    """
    LEFT JOIN (
        SELECT DISTINCT part.grant_id
        FROM campaigns_sodconflict AS conflict JOIN campaigns_sodrule AS rule ON rule.id = conflict.rule_id
        JOIN campaigns_sodconflictgrant AS part ON part.conflict_id = conflict.id
        WHERE conflict.ended_at IS NULL AND rule.is_active AND NOT EXISTS (SELECT """
    + COVERING
    + """)
    ) AS {name} ON {name}.grant_id = granted.id
"""
)


def unresolved(name: str, today: str) -> str:
    """The join, under a name; `today` is the name of the value that holds the day."""
    return UNRESOLVED.format(name=name, today=today)

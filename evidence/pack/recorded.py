"""Tables of the pack whose rows are entries of the ledger: exceptions, objections, returns, duties, statements."""

from ledger.persons import particular_sql


def said(name: str) -> str:
    """What an entry says under a name."""
    return f"entry.payload_json -> 'data' ->> '{name}'"


def called(reference: str, part: str = "name") -> str:
    """What a person is called whom an entry's data names by a commitment."""
    return particular_sql(f"entry.payload_json -> 'data' -> '{reference}'", part)


#: What the actor of an entry is called.
ACTOR = particular_sql("entry.payload_json -> 'actor'")


#: The entry of a row, when the pack holds it.
UNDER = "JOIN pack_entry AS entry ON entry.uid = {uid}"
#: The entries of some kinds, whose rows they are.
RECORDED = "FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id WHERE found.kind"

EXCEPTIONS = f"""
    SELECT {said("exception")}, entry.kind, {said("task")}, {said("campaign")}, {said("item")}, {said("requested_by")},
           {said("reason")}, {said("control")}, {said("expires_on")}, {said("note")}, {said("was")}, {said("why")},
           {said("due_at")}, {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} LIKE 'exception:%%' ORDER BY found.index
"""

OBJECTIONS = f"""
    SELECT {said("task")}, entry.kind, {said("campaign")}, {said("item")}, {said("person")}, {said("until")}, {said("waits")},
           {said("decision")}, {said("reviewer")}, {said("reason")}, {said("answer_by")}, {said("due_at")},
           {ACTOR}, {said("at")}, entry.uid::text
    {RECORDED} IN ('removal:announced', 'removal:objected', 'removal:confirmed', 'removal:kept', 'removal:unanswered',
                   'removal:released', 'removal:objection-ended') ORDER BY found.index
"""

RETURNS = f"""
    SELECT {said("task")}, {said("campaign")}, {said("item")}, {said("source")}, {said("gone_in")}, {said("seen_in")},
           {said("decision")}, {said("later_decision")}, {said("later_outcome")}, {said("granted_by")}, {said("due_at")},
           {said("at")}, entry.uid::text
    {RECORDED} = 'removal:returned' ORDER BY found.index
"""

#: `kind` is the kind of the statement; all of them are entries of one kind.
STATEMENTS = f"""
    SELECT {said("framework")}, {said("kind")}, {said("number")}, {said("version")}, {said("control")}, {said("withdrawn")},
           {said("facts")}, {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = 'statement:made' ORDER BY found.index
"""

DUTIES = f"""
    SELECT {said("control")}, {said("duty")}, {said("holder")}, COALESCE({said("holder_name")}, {called("given_to")}),
           COALESCE({said("before")}, {called("taken_from")}),
           {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = 'duty:given' ORDER BY found.index
"""

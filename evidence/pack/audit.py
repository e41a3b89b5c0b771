"""The tables of a pack about the audit itself: samples with what they were drawn from, conclusions, sign-offs, requests.

(path, columns, query), as `evidence.pack.tables.Table` has them. The queries of one sample alone are those with `ONLY`.
"""

from evidence.pack.recorded import ACTOR, RECORDED, UNDER, said

#: Narrows the samples to one.
ONLY = "AND entry.payload_json -> 'data' ->> 'sample' = %(sample)s"


SAMPLES = f"""
    SELECT {said("sample")}, {said("population")},
           array_to_string(ARRAY(SELECT jsonb_array_elements_text(entry.payload_json -> 'data' -> 'campaigns')), ' '),
           {said("strata_by")}, {said("seed")}, {said("size")}, {said("population_count")}, {said("population_root")},
           {said("rows_root")}, {said("strata")}, {said("statement")}, {ACTOR},
           entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = 'sample:drawn' {{only}} ORDER BY found.index
"""
POPULATIONS = f"""
    SELECT sample.id::text, row.place::text, row.key, row.stratum
    FROM evidence_populationrow AS row JOIN evidence_sample AS sample ON sample.id = row.sample_id
    {UNDER.format(uid="sample.entry_uid")} {{only}} ORDER BY sample.id, row.place
"""
ROWS = f"""
    SELECT sample.id::text, row.number::text, row.key, row.stratum, row.label
    FROM evidence_samplerow AS row JOIN evidence_sample AS sample ON sample.id = row.sample_id
    {UNDER.format(uid="sample.entry_uid")} {{only}} ORDER BY sample.id, row.number
"""
CONCLUSIONS = f"""
    SELECT {said("sample")}, {said("row")}, {said("id")}, {said("conclusion")}, {said("note")},
           {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = 'sample:concluded' {{only}} ORDER BY found.index
"""
SIGN_OFFS = f"""
    SELECT {said("sample")}, {said("statement")}, {said("counts")}, {said("conclusions_root")},
           {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = 'sample:signed-off' {{only}} ORDER BY found.index
"""
REQUESTS = f"""
    SELECT {said("request")}, entry.kind, {said("title")}, {said("sample")}, {said("row")}, {said("text")}, {said("file")},
           {said("file_sha256")}, {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} IN ('request:asked', 'request:answered', 'request:closed') ORDER BY found.index
"""

#: Kinds of entries that these tables show.
KINDS = (
    "sample:drawn", "sample:concluded", "sample:signed-off", "request:asked", "request:answered", "request:closed",
)  # fmt: skip

#: Of one sample and of all: path → (columns, query with a place for `only`).
OF_SAMPLES = {
    "audit/conclusions.csv": (("sample", "row", "id", "conclusion", "note", "by", "at", "entry"), CONCLUSIONS),
    "audit/populations.csv": (("sample", "place", "id", "stratum"), POPULATIONS),
    "audit/sample_rows.csv": (("sample", "number", "id", "stratum", "label"), ROWS),
    "audit/samples.csv": (
        ("sample", "population", "campaigns", "strata_by", "seed", "size", "population_count", "population_root", "rows_root", "strata",
         "completeness", "by", "at", "entry"), SAMPLES),
    "audit/sign_offs.csv": (("sample", "statement", "totals", "conclusions_root", "by", "at", "entry"), SIGN_OFFS),
}  # fmt: skip
TABLES = (
    *((path, columns, query.format(only="")) for path, (columns, query) in OF_SAMPLES.items()),
    (
        "audit/requests.csv",
        ("request", "kind", "title", "sample", "row", "text", "file", "file_sha256", "by", "at", "entry"),
        REQUESTS,
    ),
)


def of_one(path: str) -> str:
    """The query of a table for one sample, `sample` (its id as text)."""
    query = OF_SAMPLES[path][1]
    is_rows = query in (POPULATIONS, ROWS)
    return query.format(only="WHERE sample.id::text = %(sample)s" if is_rows else ONLY)

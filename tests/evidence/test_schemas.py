"""The schemas in a pack say what its files hold: every column is described, and the files are what the schemas say."""

import json
import zipfile

import pytest
from csvw import TableGroup
from jsonschema import Draft202012Validator

from evidence.pack import schemas, summaries
from evidence.verifier import verify
from tests.evidence import spoil
from tests.evidence.conftest import Honest

pytestmark = pytest.mark.django_db


def test_every_column_of_every_table_has_its_line_and_no_line_is_of_a_column_that_is_none():
    wanted = {(path, name) for path, columns in verify.TABLES.items() for name in columns}
    counted = {("controls/calendar.csv", name) for name in ("expected", *summaries.BECAME, "open")}
    assert [one for one in sorted(wanted) if one not in schemas.COLUMNS and (schemas.ALL, one[1]) not in schemas.COLUMNS] == []
    own = {one for one in schemas.COLUMNS if one[0] != schemas.ALL}
    shared = {name for table, name in schemas.COLUMNS if table == schemas.ALL}
    assert own <= wanted | counted
    assert shared <= {name for _, name in wanted - own}
    for found in schemas.COLUMNS.values():
        assert found.type in schemas.DATATYPES, found
        assert found.meaning.endswith((".", "”", ")")), found


def test_the_csvw_document_describes_the_files_of_a_real_pack(honest: Honest, tmp_path):
    with zipfile.ZipFile(honest.path) as archive:
        archive.extractall(tmp_path)
    group = TableGroup.from_file(tmp_path / schemas.TABLES_PATH)
    described = {str(table.url).removeprefix("../"): table for table in group.tables}
    assert set(described) == set(verify.TABLES)
    for path, table in described.items():
        assert [column.name for column in table.tableSchema.columns] == verify.TABLES[path]
        rows = list(table.iterdicts(strict=True))
        assert len(rows) == len(spoil.rows_of(spoil.read(honest.path)[path])) - 1


def test_a_cell_of_another_type_does_not_fit_the_document(honest: Honest, tmp_path):
    with zipfile.ZipFile(honest.path) as archive:
        archive.extractall(tmp_path)
    file = tmp_path / "reviews/reviewers.csv"
    file.write_bytes(spoil.cell(2, "items_assigned", "seven")(file.read_bytes()))
    table = next(
        one for one in TableGroup.from_file(tmp_path / schemas.TABLES_PATH).tables if str(one.url).endswith("reviewers.csv")
    )
    with pytest.raises(ValueError, match="items_assigned: Invalid value"):
        list(table.iterdicts(strict=True))


@pytest.mark.parametrize(("path", "schema"), sorted(schemas.JSON_PATHS.items()))
def test_the_files_of_the_log_and_the_manifest_fit_their_schemas(path, schema, honest: Honest):
    files = spoil.read(honest.path)
    found = json.loads(files[schema])
    Draft202012Validator.check_schema(found)
    bodies = files[path].splitlines() if path.endswith(".jsonl") else [files[path]]
    for body in bodies:
        Draft202012Validator(found).validate(json.loads(body))
    for wrong in ([1], {"format": "other"}, {}):
        assert not Draft202012Validator(found).is_valid(wrong)

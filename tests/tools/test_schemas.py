import jsonschema
import pytest

from inhouse.tools import schemas


@pytest.mark.parametrize("name", schemas.names())
def test_each_schema_is_one_and_describes_an_object(name):
    spec = schemas.spec(name)

    jsonschema.Draft202012Validator.check_schema(dict(spec.parameters))
    assert spec.parameters["type"] == "object"
    assert spec.description


def test_a_tool_that_gives_facts_ends_a_step():
    assert schemas.ends_step("read_files")
    assert not schemas.ends_step("write_file")

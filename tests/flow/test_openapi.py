"""The published description: complete, well formed, and true (every other flow test checks its answers)."""
import re

import jsonschema
import pytest

ROUTES = """
POST /jobs|POST /jobs/bulk|GET /jobs|GET /jobs/{id}|GET /jobs/{id}/attempts|GET /jobs/{id}/logs|GET /jobs/{id}/changes|GET /jobs/{id}/explain
POST /jobs/execute-pending|POST /jobs/{id}/start|POST /jobs/{id}/execute|POST /jobs/{id}/cancel|POST /jobs/{id}/retry|POST /jobs/reset-stuck
DELETE /jobs/{id}|DELETE /jobs|POST /jobs/bulk-retry|POST /jobs/bulk-cancel|POST /jobs/bulk-delete|GET /stats|POST /dispatch/pause|POST /dispatch/resume
GET /schedules|POST /schedules|GET /schedules/{id}|PATCH /schedules/{id}|DELETE /schedules/{id}|POST /schedules/{id}/run|GET /schedules/{id}/runs|POST /schedules/preview
GET /alerts|POST /alerts/test|GET /history|GET /dispatch|GET /types|GET /config|GET /me|GET /tokens|POST /tokens|GET /monitor|GET /events
""".replace("\n", "|").strip("|").split("|")


@pytest.fixture(scope="module")
def document(shared):
    answer = shared.get("/openapi.json", token=False)
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.json()


def test_form(document):
    assert document["openapi"].startswith("3.1") and document["info"]["title"] and document["info"]["version"]
    for template, path in document["paths"].items():
        assert template.startswith("/")
        for method, operation in path.items():
            if method in ("parameters", "summary", "description"):
                continue
            assert operation.get("summary") or operation.get("description"), (method, template)
            declared = {parameter.get("name") for parameter in operation.get("parameters", []) + path.get("parameters", [])}
            for name in re.findall(r"\{([^}]+)\}", template):
                assert name in declared or any("$ref" in parameter for parameter in operation.get("parameters", []) + path.get("parameters", []))
            for code, answer in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d|default", code), (template, code)


def test_every_reference_and_schema_is_sound(document, shared):
    checked = 0

    def walk(node):
        nonlocal checked
        if isinstance(node, dict):
            if "$ref" in node:
                shared.description.resolver.resolve(node["$ref"])
                checked += 1
            if isinstance(node.get("schema"), dict):
                jsonschema.Draft202012Validator.check_schema(node["schema"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    assert checked > 10


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_described(shared, route):
    method, _, path = route.partition(" ")
    operation = shared.description.operation(method, "/v1/admin/collection" + path.replace("{id}", "JOB-1-AAAAAAAAAA"))
    assert operation, f"{route} is not described"
    good = [code for code in operation["responses"] if code.startswith("2")]
    assert good and any(code in operation["responses"] for code in ("401", "default", "4XX"))


def test_json_answers_are_described_in_detail(document, shared):
    for template, path in document["paths"].items():
        for method, operation in path.items():
            for code, answer in operation.get("responses", {}).items() if isinstance(operation, dict) else ():
                content = shared.description.resolve(answer).get("content", {})
                if code.startswith("2") and "application/json" in content and template != "/openapi.json":
                    schema = shared.description.resolve(content["application/json"]["schema"])
                    assert schema.get("properties") or schema.get("allOf") or schema.get("oneOf"), (method, template, code)


def test_root_routes(document):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert any(template.endswith(path) for template in document["paths"]), path

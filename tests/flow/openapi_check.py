"""Holds every answer the tests see against the description the server itself publishes."""
import re

import jsonschema


class Description:
    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver.from_schema(document)
        base = (document.get("servers") or [{"url": ""}])[0]["url"]
        self.prefix = re.sub(r"^https?://[^/]+", "", base).rstrip("/")
        self.paths = [(self._pattern(template), template) for template in document["paths"]]

    def _pattern(self, template):
        parts = re.split(r"\{[^}]+\}", template)
        return re.compile(r"[^/]+".join(re.escape(part) for part in parts))

    def operation(self, method, path):
        """The described operation of a request: most literal path first; None when there is none."""
        found = []
        method = "GET" if method.upper() == "HEAD" else method  # answered alike, without the body
        for pattern, template in self.paths:
            for candidate in {path, path.removeprefix(self.prefix)} if self.prefix else {path}:
                if pattern.fullmatch(candidate) and method.lower() in self.document["paths"][template]:
                    found.append((template.count("{"), template))
        return self.document["paths"][min(found)[1]][method.lower()] if found else None

    def resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def check(self, method, path, response):
        """Raises AssertionError where the answer is not as described."""
        operation = self.operation(method, path)
        if operation is None:
            assert response.status_code in (404, 405), f"{method} {path} is not described but answers {response.status_code}"
            return
        described = operation["responses"]
        entry = described.get(str(response.status_code)) or described.get("default")
        assert entry, f"{method} {path}: the answer {response.status_code} is not described: {response.text[:300]}"
        kind = response.headers.get("Content-Type", "").split(";")[0].strip()
        if "json" not in kind or not response.content:
            return
        content = self.resolve(entry).get("content", {})
        assert kind in content, f"{method} {path} {response.status_code}: {kind} is not described"
        schema = content[kind].get("schema", {})
        checker = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        wrong = sorted(checker.iter_errors(response.json()), key=lambda error: list(error.path))
        assert not wrong, (f"{method} {path} {response.status_code} is not as described at "
                           f"{list(wrong[0].path)}: {wrong[0].message[:300]}")

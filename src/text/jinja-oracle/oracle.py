"""Renders templates as transformers sets jinja2 up: for tests that compare with it.

Reads JSON from standard input: `variables`, and `templates`, a list of texts. Writes a JSON list: for each template
what it writes, or null where jinja2 raises an error.
"""

import datetime
import json
import sys
import warnings

from jinja2 import TemplateError, ext, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_write"), [], [], body).set_lineno(line)

    def _write(self, caller):
        return caller()


def raise_exception(message):
    raise TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def strftime_now(text):
    return datetime.datetime(2026, 3, 5, 14, 7, 9).strftime(text)


def environment():
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, ext.loopcontrols]
    )
    made.filters["tojson"] = tojson
    made.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    return made


def render(made, template, variables):
    try:
        return made.from_string(template).render(**variables)
    except Exception:
        return None


def main():
    warnings.simplefilter("ignore")
    given = json.load(sys.stdin)
    made = environment()
    json.dump([render(made, one, given["variables"]) for one in given["templates"]], sys.stdout)


if __name__ == "__main__":
    main()

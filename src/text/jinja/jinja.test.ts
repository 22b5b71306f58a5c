import { describe, expect, test } from 'vitest';

import { MAX_STEPS, MAX_TEXT } from './budget.ts';
import { TemplateFault, TemplateOverrun, TemplateUnsupported } from './faults.ts';
import { fromJs, WholeFloat } from './from-js.ts';
import rightValues from '../jinja-oracle/right-values.json' with { type: 'json' };
import { outcome } from '../jinja-oracle/comparison.ts';
import { PRELUDE } from '../jinja-oracle/generate-template.ts';
import { Template } from './render.ts';
import { codePointsOf, MESSAGE, originOf, plain } from './text.ts';

function render(source: string, variables: Record<string, unknown> = {}): string {
  const values = Object.entries(variables).map(([name, value]) => [name, fromJs(value, 'template')] as const);
  return plain(new Template(source).render(values));
}

describe('values print as in Python', () => {
  test.each([
    ['{{ [true, false, none, 1, 1.0, "a"] }}', "[True, False, None, 1, 1.0, 'a']"],
    [
      '{{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1.5e300 }} {{ -0.0 }}',
      '1e+16 1000000000000000.0 0.0001 1e-05 1.5e+300 -0.0',
    ],
    ['{{ (1,) }} {{ () }} {{ {} }} {{ {"a": {"b": (1, 2)}} }}', "(1,) () {} {'a': {'b': (1, 2)}}"],
    [
      '{{ ["it\'s", "say \\"x\\"", "\\n\\t\\\\", "é\\u200b\\x00"] }}',
      `["it's", 'say "x"', '\\n\\t\\\\', 'é\\u200b\\x00']`,
    ],
    ['{{ range(3) }} {{ range(0, 9, 3) }} {{ {"a": 1}.items() }}', "range(0, 3) range(0, 9, 3) dict_items([('a', 1)])"],
    ['{{ namespace(a=1) }}{{ nothing }}', "<Namespace {'a': 1}>"],
    [
      '{{ 2 ** 100 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 7 // -2 }} {{ -7 % 3 }} {{ 7.5 % -2 }}',
      '1267650600228229401496703205376 3.5 3.0 -4 2 -0.5',
    ],
    ['{{ 0.1 + 0.2 }} {{ 1 + true }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 2 ** -1 }}', '0.30000000000000004 2 64 4 0.5'],
    [
      '{{ 2.5 | round }} {{ 0.125 | round(2) }} {{ "%.0f" % 0.5 }} {{ 42 | round }} {{ 3.14159 | round(2, "ceil") }}',
      '2.0 0.12 0 42 3.15',
    ],
  ])('%s', (source, text) => {
    expect(render(source)).toBe(text);
  });

  test('numbers of JavaScript: whole ones are integers, others and marked ones floats', () => {
    const given = { a: 1, b: 1.5, c: new WholeFloat(1), d: 12345678901234567890n, e: -0 };
    expect(render('{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ [c] | tojson }}', given)).toBe(
      '1 1.5 1.0 12345678901234567890 -0.0 [1.0]',
    );
  });
});

describe('text counts in code points', () => {
  test.each([
    [
      '{{ e | length }} {{ e[0] }} {{ e[-1] }} {{ e[:2] }} {{ e[::-1] }} {{ e[9] is defined }}',
      '3 😀 👍 😀x 👍x😀 False',
    ],
    ['{{ e.find("👍") }} {{ e.index("x") }} {{ e | reverse }} {{ e | list }}', "2 1 👍x😀 ['😀', 'x', '👍']"],
    ['{{ e.center(7, "-") }} {{ "%-5s|" % e }} {{ e | truncate(2, true, "", 0) }}', '--😀x👍-- 😀x👍  | 😀x'],
    ['{{ ["\\uffff", "😀"] | sort | join }} {{ "\\uffff" < "😀" }}', '\uffff😀 True'],
  ])('%s', (source, text) => {
    expect(render(source, { e: '😀x👍' })).toBe(text);
  });
});

describe('whitespace', () => {
  test.each([
    ['a\n  {% if true %}\n  b\n  {% endif %}\nc\n', 'a\n  b\nc'],
    ['a  {%- if true -%}  b  {%- endif -%}  c', 'abc'],
    ['  {%+ if true %}\nx{% endif +%}\ny', '  x\ny'],
    ['{{ 1 }}\n{{- 2 -}}\n {# c #}\n{#- d -#} \n3', '123'],
    ['{% raw %}\n {{ x }} {% endraw %}\nz', '\n {{ x }} z'],
    ['x\r\ny\rz{{ "\\n" }}\r\n', 'x\ny\nz\n'],
    ['{{ "\ufeffa\u001c ".strip() | length }} {{ "a\u0085b".split() | length }}', '2 2'],
  ])('%j', (source, text) => {
    expect(render(source)).toBe(text);
  });
});

describe('names', () => {
  test.each([
    [
      'an iteration forgets what it sets',
      '{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}',
      '12',
    ],
    ['a condition does not', '{% if true %}{% set x = 1 %}{% endif %}{{ x }}', '1'],
    [
      'a namespace keeps it',
      '{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = i %}{% endfor %}{{ n.x }}',
      '2',
    ],
    ['None is a value', '{% set x = none %}{{ x }} {{ x is defined }} {{ {"a": none}.get("a", 1) }}', 'None True None'],
    ['a method comes before an item of its name', '{{ d.items is callable }} {{ d["items"] }} {{ d.x }}', 'True 1 2'],
    [
      'a macro sees where it was made',
      '{% set x = 1 %}{% macro f() %}{{ x }}{{ y }}{% endmacro %}{% for y in [2] %}{{ f() }}{% endfor %}',
      '1',
    ],
    [
      'a default is made anew',
      '{% macro f(a, b=a ~ "!") %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}{{ f(1, none) }}',
      '11!1None',
    ],
    [
      'what is left over of a call',
      '{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, b=3) }}',
      "1(2,){'b': 3}",
    ],
    [
      'a generator is taken once',
      '{% set g = [1, 2] | map("string") %}{{ g | join }}{{ g | join }}{{ "yes" if g }}',
      '12yes',
    ],
    [
      'an iteration that is left early does not count',
      '{% for i in [1] %}{% break %}{% else %}none{% endfor %}',
      'none',
    ],
    [
      'a loop by itself',
      '{% for x in [1, [2]] recursive %}{{ loop.depth }}{{ loop(x) if x is not number }}{% endfor %}',
      '112',
    ],
  ])('%s', (_, source, text) => {
    expect(render(source, { d: { items: 1, x: 2 } })).toBe(text);
  });
});

test('right values: what jinja2 gives for generated templates', () => {
  expect(rightValues.length).toBeGreaterThan(500);
  for (const [template, text] of rightValues) expect(outcome(PRELUDE + template!), template!).toBe(text);
});

describe('jinja2 itself refuses', () => {
  test.each([
    ['{{ "a" + 1 }}', /no operator "\+"/],
    ['{{ 1 / 0 }}', /divides by zero/],
    ['{{ x.y }}', /"x" is not defined/],
    ['{% for i in none %}{% endfor %}', /no items/],
    ['{{ [1] | map("nosuch") | list }}', /no filter "nosuch"/],
    ['{% macro f() %}{% endmacro %}{{ f(1) }}', /takes 0 arguments/],
    ['{% for i in [1] %}{{ i', /a tag has no end/],
    ['{{ (1] }}', /closes nothing/],
    ['{% break %}', /outside of a loop/],
    ['{% macro f() %}{{ 1 | nosuch }}{% endmacro %}', /no filter "nosuch"/],
    ['{% set x.y = 1 %}', /no namespace/],
    ['{{ "abc"[1:2:0] }}', /step 0/],
    ['{{ {[]: 1} }}', /no key/],
    ['{{ 10 ** 5000 }}', /4,300 digits/],
  ])('%s', (source, reason) => {
    expect(() => render(source)).toThrow(TemplateFault);
    expect(() => render(source)).toThrow(reason);
  });

  test('but an unknown filter behind a condition that does not hold is no fault', () => {
    expect(render('{% if false %}{{ 1 | nosuch }}{% endif %}{{ (1 | nosuch) if false else 2 }}')).toBe('2');
  });
});

describe('what is not reproduced is named', () => {
  test.each([
    ['{{ x | pprint }}', 'the filter "pprint"'],
    ['{{ [1] | random }}', 'the filter "random"'],
    ['{% include "a" %}', 'the tag "include"'],
    ['{% block a %}{% endblock %}', 'the tag "block"'],
    ['{{ "a".encode() }}', '"encode" of texts'],
    ['{{ "%e" % 1.5 }}', 'the format "%e"'],
    ['{{ [1] | map("string") }}', 'the printing of a generator'],
    ['{{ (-8) ** 0.5 }}', 'complex numbers'],
    ['{{ lipsum() }}', '"lipsum", which gives another text each time'],
  ])('%s', (source, what) => {
    expect(() => render(source)).toThrow(new TemplateUnsupported(what));
  });
});

describe('nothing of JavaScript or Python can be reached', () => {
  const names = [
    'constructor',
    '__proto__',
    'prototype',
    '__class__',
    '__init__',
    '__globals__',
    'toString',
    'call',
    'bind',
  ];
  const values = [
    '""',
    '1',
    '1.5',
    '[]',
    '(1,)',
    '{}',
    'none',
    'true',
    'range',
    'range(2)',
    'namespace',
    'namespace()',
    'dict',
    'f',
    '"".join',
    'd.items()',
    'cycler(1)',
    'joiner()',
  ];
  test.each(names)('%s', (name) => {
    for (const value of values) {
      const source = `{% macro f() %}{% endmacro %}{{ (${value}).${name} }}{{ (${value})["${name}"] }}{{ (${value}) | attr("${name}") }}`;
      expect(render(source, { d: {} }), source).toBe('');
      expect(() => render(`{% macro f() %}{% endmacro %}{{ (${value}).${name}("x") }}`, { d: {} })).toThrow(
        TemplateFault,
      );
    }
  });

  test('lists and dictionaries stay as they are', () => {
    for (const change of ['l.append(1)', 'l.pop()', 'l.sort()', 'd.update({})', 'd.pop("a")', 'd.setdefault("x", 1)']) {
      expect(() => render(`{{ ${change} }}`, { l: [1], d: { a: 1 } })).toThrow(/is not for templates/);
    }
  });
});

describe('a template that runs away is stopped', () => {
  const line = 'x'.repeat(1000);
  test.each([
    [
      'loops in loops',
      '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}',
      /20,000,000 steps/,
    ],
    [
      'a text that doubles',
      '{% set n = namespace(s="xxxxxxxx") %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}',
      /33,554,432 characters/,
    ],
    ['a text that is repeated', '{{ ("x" * 1000000) * 1000000 }}', /33,554,432 characters/],
    [
      'a list that doubles',
      '{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}',
      /steps/,
    ],
    ['a list that is repeated', '{{ ([1] * 1000000) * 1000000 }}', /list that is too long/],
    [
      'a replacement that grows',
      '{% set n = namespace(s="aa") %}{% for i in range(60) %}{% set n.s = n.s.replace("a", "aa") %}{% endfor %}',
      /characters|steps/,
    ],
    ['an output that grows', `{% for i in range(100000) %}${line}{% endfor %}`, /33,554,432 characters/],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /200 deep/],
    ['a loop that calls itself', '{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}', /200 deep/],
    ['brackets', `{{ ${'('.repeat(20000)}1${')'.repeat(20000)} }}`, /nests more than 200 deep/],
    ['signs', `{{ ${'-'.repeat(20000)}1 }}`, /nests more than 200 deep/],
    ['operators', `{{ 1${' + 1'.repeat(20000)} }}`, /nests more than 200 deep/],
    ['blocks', '{% if true %}'.repeat(20000), /nests more than 200 deep/],
    ['members', `{{ a${'.a'.repeat(20000)} }}`, /nests more than 200 deep/],
    ['filters', `{{ 1${' | abs'.repeat(20000)} }}`, /nests more than 200 deep/],
    [
      'lists inside of lists',
      '{% set n = namespace(l=[]) %}{% for i in range(90000) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}',
      /nests values too deep/,
    ],
    ['indents', '{{ [1] | tojson(indent=100000000) }}', /33,554,432 characters/],
    ['widths', '{{ "%999999999d" % 1 }}', /./],
  ])('%s', (_, source, reason) => {
    expect(() => render(source)).toThrow(reason);
  });

  test('as what it is: too much, not wrong', () => {
    expect(() => render('{{ "x" * 100000000 }}')).toThrow(TemplateOverrun);
    expect([MAX_STEPS, MAX_TEXT]).toEqual([20_000_000, 2 ** 25]);
  });

  test('a conversation of 10,000 messages is none', () => {
    const source = `{%- set n = namespace(last=-1, tools='') -%}
      {%- for m in messages[::-1] -%}{%- if m.role == 'user' and n.last < 0 -%}{%- set n.last = messages | length - loop.index0 -%}{%- endif -%}{%- endfor -%}
      {%- macro show(m, i) -%}{{ '<|' + m.role + '|>\n' }}{%- if m.role == 'assistant' and '</think>' in m.content -%}{{ m.content.split('</think>')[-1].lstrip('\n') }}{%- else -%}{{ m.content | trim }}{%- endif -%}
      {%- if m.tool_calls -%}{%- for c in m.tool_calls -%}{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}{%- endfor -%}{%- endif -%}{{ '<|end|>\n' }}{%- endmacro -%}
      {%- for m in messages -%}{{ show(m, loop.index0) }}{%- endfor -%}`;
    const call = { function: { name: 'f', arguments: { a: [1, 2, { b: 'c' }] } } };
    const messages = Array.from({ length: 10_000 }, (_, index) =>
      index % 2 === 0
        ? { role: 'user', content: `${line} 😀` }
        : { role: 'assistant', content: `<think>${line}</think>\n${line}`, tool_calls: [call] },
    );
    expect(render(source, { messages }).length).toBeGreaterThan(10_000_000);
  });
});

describe('who wrote a character', () => {
  const written = (source: string, message: string) => {
    const text = new Template(source).render([['m', fromJs(message, 'message')]]);
    const origin = originOf(text);
    return codePointsOf(plain(text))
      .map((character, index) => (origin[index] === MESSAGE ? character : '.'))
      .join('');
  };

  test.each([
    ['<{{ m }}>', 'abc', '.abc.'],
    ['{{ m[1:] ~ "x" ~ m | upper }}', 'abc', 'bc.ABC'],
    ['{{ m.split("b")[-1].strip() + "b" }}', 'ab c ', 'c.'],
    ['{{ m.replace("b", "xx") }}', 'abc', 'a..c'],
    ['{{ [m, 1] | tojson }}', 'a"b', '..a\\"b.....'],
    ['{{ "%s-%s" % (m, 1) }}{{ "{}".format(m) }}', 'ab', 'ab..ab'],
    ['{{ {m: m} }}', 'a', '..a....a..'],
    ['{{ m | indent(2, true) }}', 'a\nb', '..a...b'],
    ['{{ m | title }}{{ m.center(5) }}{{ m | reverse | join("-") }}', 'abc', 'Abc.abc.c.b.a'],
    ['{% set x %}({{ m }}){% endset %}{{ x * 2 }}', 'a', '.a..a.'],
    ['{% for c in m %}{{ c }},{% endfor %}', 'ab', 'a.b.'],
    ['{{ m.upper() }}', 'ß', 'SS'],
  ])('%s', (source, message, expected) => {
    expect(written(source, message).replaceAll('\n', '.')).toBe(expected);
  });
});

describe('strict templates, as evaluations have them', () => {
  const strictly = (source: string, variables: Record<string, unknown> = {}) => {
    const values = Object.entries(variables).map(([name, value]) => [name, fromJs(value, 'template')] as const);
    return plain(new Template(source, { strict: true }).render(values));
  };

  // What jinja2 3.1 writes without trim_blocks and with keep_trailing_newline.
  test.each([
    ['{{ a }}\n', '1\n'],
    ['{% if a %}\nx\n{% endif %}\ny', '\nx\n\ny'],
    ['x\n  {% if a %}y{% endif %}', 'x\n  y'],
    ['{# c #}\nx{%- if a %} y {%- endif -%}\n z', '\nx yz'],
    ['{% raw %}\n{{{% endraw %}\n.', '\n{{\n.'],
    ['{{ b is defined }} {{ b | default("c") }}', 'False c'],
  ])('keep spaces: %j', (source, expected) => {
    expect(strictly(source, { a: 1 })).toBe(expected);
  });

  test.each(['{{ b }}', '{{ a.b }}', '{% if b %}{% endif %}', '{% for c in b %}{% endfor %}', '{{ b | length }}'])(
    'refuse what is missing: %s',
    (source) => {
      expect(() => strictly(source, { a: { c: 1 } })).toThrow(TemplateFault);
      expect(render(source, { a: { c: 1 } })).toMatch(/^0?$/);
    },
  );
});

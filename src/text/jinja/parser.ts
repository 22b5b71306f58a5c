// Reads a whole template: its data, outputs and tags.

import { TemplateUnsupported } from './faults.ts';
import { readExpression, readFilter, readNamedFilter, readTuple } from './expressions.ts';
import { tokenize } from './lexer.ts';
import { type Expression, type MacroNode, readsName, type Statement, type Target } from './nodes.ts';
import { checkStatements } from './static-checks.ts';
import { TokenStream } from './token-stream.ts';

/** Tags of jinja2 that need other templates, or change what text is safe: no chat template has them. */
const UNSUPPORTED_TAGS = ['autoescape', 'block', 'extends', 'from', 'import', 'include'];
const CONSTANT_NAMES = ['true', 'True', 'false', 'False', 'none', 'None'];

/**
 * Reads a template.
 *
 * @param trims see `tokenize`
 * @throws TemplateFault where it is none; TemplateUnsupported, TemplateOverrun
 */
export function parseTemplate(source: string, trims = true): readonly Statement[] {
  const body = new Parser(new TokenStream(tokenize(source, trims))).template();
  checkStatements(body);
  return body;
}

class Parser {
  readonly #tokens: TokenStream;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  template(): Statement[] {
    return this.#statements([]);
  }

  /** Statements up to a tag of one of these names, whose `{%` is read; up to the end where none is given. */
  #statements(ends: readonly string[]): Statement[] {
    const tokens = this.#tokens;
    const body: Statement[] = [];
    for (;;) {
      const { type, text } = tokens.next();
      if (type === 'data') body.push({ type: 'data', text });
      else if (type === '{{') {
        body.push({ type: 'output', value: readTuple(tokens) });
        tokens.expect('}}');
      } else if (type === '{%') {
        if (ends.some((end) => tokens.is(`name:${end}`))) return body;
        body.push(...tokens.inside(() => this.#statement()));
        tokens.expect('%}');
      } else {
        if (ends.length > 0) tokens.fail(`"${ends.at(-1)!}" is expected`);
        return body;
      }
    }
  }

  /** The nodes between a tag and its end. */
  #body(...ends: string[]): Statement[] {
    this.#tokens.skip(':');
    this.#tokens.expect('%}');
    return this.#statements(ends);
  }

  /** The same, where only one tag can end it. */
  #wholeBody(end: string): Statement[] {
    const body = this.#body(end);
    this.#tokens.next();
    return body;
  }

  #statement(): Statement[] {
    const tokens = this.#tokens;
    const tag = tokens.current.type === 'name' ? tokens.current.text : tokens.fail('the name of a tag is expected');
    if (UNSUPPORTED_TAGS.includes(tag)) throw new TemplateUnsupported(`the tag "${tag}"`);
    switch (tag) {
      case 'set':
        return [this.#set()];
      case 'for':
        return [this.#for()];
      case 'if':
        return [this.#if()];
      case 'macro':
        return [this.#macro()];
      case 'call':
        return [this.#callBlock()];
      case 'filter':
        return [this.#filterBlock()];
      case 'with':
        return [this.#with()];
      case 'print':
        return this.#print();
      case 'generation':
        tokens.next();
        return [{ type: 'generation', body: this.#wholeBody('endgeneration') }];
      case 'break':
      case 'continue':
        tokens.next();
        return [{ type: tag }];
      default:
        return tokens.fail('there is no such tag, or it closes nothing,');
    }
  }

  #set(): Statement {
    const tokens = this.#tokens;
    tokens.next();
    const target = this.#target(undefined, true);
    if (tokens.skip('=')) return { type: 'set', target, value: readTuple(tokens) };
    let filter: Expression | null = null;
    while (tokens.is('|')) filter = readFilter(tokens, filter);
    return { type: 'set block', target, filter, body: this.#wholeBody('endset') };
  }

  #for(): Statement {
    const tokens = this.#tokens;
    tokens.next();
    const target = this.#target('name:in');
    tokens.expect('name:in');
    const of = readTuple(tokens, { conditions: false, until: 'name:recursive' });
    const test = tokens.skip('name:if') ? readExpression(tokens) : null;
    const recursive = tokens.skip('name:recursive');
    const body = this.#body('endfor', 'else');
    const otherwise = tokens.next().text === 'else' ? this.#wholeBody('endfor') : [];
    return { type: 'for', target, of, test, recursive, body, otherwise, usesLoop: readsName(body, 'loop') };
  }

  #if(): Statement {
    const tokens = this.#tokens;
    const branches: [Expression, Statement[]][] = [];
    let tag = tokens.next().text;
    while (tag === 'if' || tag === 'elif') {
      const test = readTuple(tokens, { conditions: false });
      branches.push([test, this.#body('elif', 'else', 'endif')]);
      tag = tokens.next().text;
    }
    return { type: 'if', branches, otherwise: tag === 'else' ? this.#wholeBody('endif') : [] };
  }

  #macro(): Statement {
    this.#tokens.next();
    const name = this.#name();
    const signature = this.#signature();
    return { type: 'macro', macro: { name, ...signature, ...this.#macroBody(signature.parameters, 'endmacro') } };
  }

  #callBlock(): Statement {
    const tokens = this.#tokens;
    tokens.next();
    const signature = tokens.is('(') ? this.#signature() : { parameters: [], defaults: [] };
    const call = readExpression(tokens);
    if (call.type !== 'call') tokens.fail('a call is expected');
    return {
      type: 'call block',
      call,
      macro: { name: null, ...signature, ...this.#macroBody(signature.parameters, 'endcall') },
    };
  }

  #macroBody(parameters: readonly string[], end: string): Pick<MacroNode, 'body' | 'reads'> {
    const body = this.#wholeBody(end);
    const special = ['caller', 'kwargs', 'varargs'].filter((name) => !parameters.includes(name));
    return { body, reads: new Set(special.filter((name) => readsName(body, name))) };
  }

  #signature(): Pick<MacroNode, 'parameters' | 'defaults'> {
    const tokens = this.#tokens;
    const parameters: string[] = [];
    const defaults: Expression[] = [];
    tokens.expect('(');
    while (!tokens.is(')')) {
      if (parameters.length > 0) tokens.expect(',');
      const name = this.#name();
      if (parameters.includes(name)) tokens.fail('a parameter stands twice');
      parameters.push(name);
      if (tokens.skip('=')) defaults.push(readExpression(tokens));
      else if (defaults.length > 0) tokens.fail('a parameter without a default follows one that has it');
    }
    tokens.expect(')');
    return { parameters, defaults };
  }

  #filterBlock(): Statement {
    const tokens = this.#tokens;
    tokens.next();
    let filter = readNamedFilter(tokens, null);
    while (tokens.is('|')) filter = readFilter(tokens, filter);
    return { type: 'filter block', filter, body: this.#wholeBody('endfilter') };
  }

  #with(): Statement {
    const tokens = this.#tokens;
    tokens.next();
    const targets: Target[] = [];
    const values: Expression[] = [];
    while (!tokens.is('%}')) {
      if (targets.length > 0) tokens.expect(',');
      targets.push(this.#target());
      tokens.expect('=');
      values.push(readExpression(tokens));
    }
    return { type: 'with', targets, values, body: this.#wholeBody('endwith') };
  }

  #print(): Statement[] {
    const tokens = this.#tokens;
    tokens.next();
    const outputs: Statement[] = [];
    while (!tokens.is('%}')) {
      if (outputs.length > 0) tokens.expect(',');
      outputs.push({ type: 'output', value: readExpression(tokens) });
    }
    return outputs;
  }

  /** Names with commas between them, or one name, or a member of a namespace. */
  #target(until?: string, members = false): Target {
    const tokens = this.#tokens;
    const items: Target[] = [];
    let isTuple = false;
    while (!['}}', '%}', ')', ...(until === undefined ? [] : [until])].some((end) => tokens.is(end))) {
      items.push(this.#oneTarget(members));
      if (!tokens.skip(',')) break;
      isTuple = true;
    }
    if (items.length === 0) tokens.fail('a name is expected');
    return isTuple ? { type: 'tuple', items } : items[0]!;
  }

  #oneTarget(members: boolean): Target {
    const tokens = this.#tokens;
    if (tokens.skip('(')) {
      const target = tokens.inside(() => this.#target());
      tokens.expect(')');
      return target;
    }
    const name = tokens.expect('name').text;
    if (members && !CONSTANT_NAMES.includes(name) && tokens.skip('.')) {
      return { type: 'member', of: name, name: tokens.expect('name').text };
    }
    if (CONSTANT_NAMES.includes(name)) tokens.fail(`"${name}" takes no value`);
    return { type: 'variable', name };
  }

  #name(): string {
    const name = this.#tokens.expect('name').text;
    if (CONSTANT_NAMES.includes(name)) this.#tokens.fail(`"${name}" takes no value`);
    return name;
  }
}

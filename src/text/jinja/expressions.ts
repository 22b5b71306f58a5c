// Reads expressions, by the precedence that jinja2 gives operators. It differs from Python's: `**` goes from left to
// right, a sign binds tighter than `**`, and a filter binds to what stands right before it.

import type { Arguments, BinaryOperator, CompareOperator, Expression } from './nodes.ts';
import type { TokenStream } from './token-stream.ts';

const CONSTANTS = new Map<string, boolean | null>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);
const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='] as const;
const LITERALS = ['name', 'string', 'integer', 'float', '(', '[', '{'];
const NO_ARGUMENTS: Arguments = { list: [], named: [], spread: null, spreadNamed: null };

export interface TupleOptions {
  /** Whether `a if b` is read as a condition: not where an `if` of the tag may follow. */
  readonly conditions?: boolean;
  /** A name that ends it. */
  readonly until?: string;
  /** Whether nothing at all is an empty tuple. */
  readonly mayBeEmpty?: boolean;
}

/** Reads one expression. */
export function readExpression(tokens: TokenStream, conditions = true): Expression {
  return tokens.inside(() => (conditions ? readCondition(tokens) : readOr(tokens)));
}

/** Reads an expression, or several that commas make a tuple. */
export function readTuple(tokens: TokenStream, options: TupleOptions = {}): Expression {
  return readTupleOf(tokens, () => readExpression(tokens, options.conditions ?? true), options);
}

function readTupleOf(tokens: TokenStream, read: () => Expression, options: TupleOptions): Expression {
  const ends = ['}}', '%}', ')', ...(options.until === undefined ? [] : [options.until])];
  const items: Expression[] = [];
  let isTuple = false;
  while (!ends.some((end) => tokens.is(end))) {
    items.push(read());
    if (!tokens.is(',')) break;
    tokens.next();
    isTuple = true;
  }
  if (!isTuple && items.length > 0) return items[0]!;
  if (!isTuple && !options.mayBeEmpty) tokens.fail('an expression is expected');
  return { type: 'tuple', items };
}

function readCondition(tokens: TokenStream): Expression {
  let node = readOr(tokens);
  for (let depth = 1; tokens.skip('name:if'); depth++) {
    tokens.checkDepth(depth);
    const test = readOr(tokens);
    const otherwise = tokens.skip('name:else') ? tokens.inside(() => readCondition(tokens)) : null;
    node = { type: 'condition', test, holds: node, otherwise };
  }
  return node;
}

/** Operators of one precedence, from left to right. */
function readChain<Operator extends BinaryOperator | 'and' | 'or'>(
  tokens: TokenStream,
  operators: readonly Operator[],
  kind: (operator: Operator) => string,
  read: (tokens: TokenStream) => Expression,
): Expression {
  let left = read(tokens);
  for (let depth = 1; ; depth++) {
    const operator = operators.find((one) => tokens.is(kind(one)));
    if (operator === undefined) return left;
    tokens.checkDepth(depth);
    tokens.next();
    left = { type: 'binary', operator, left, right: read(tokens) };
  }
}

const asName = (operator: string) => `name:${operator}`;
const asIs = (operator: string) => operator;
const readOr = (tokens: TokenStream): Expression => readChain(tokens, ['or'], asName, readAnd);
const readAnd = (tokens: TokenStream): Expression => readChain(tokens, ['and'], asName, readNot);
const readSum = (tokens: TokenStream): Expression => readChain(tokens, ['+', '-'], asIs, readConcat);
const readProduct = (tokens: TokenStream): Expression => readChain(tokens, ['*', '/', '//', '%'], asIs, readPower);
const readPower = (tokens: TokenStream): Expression =>
  readChain(tokens, ['**'], asIs, (inner) => readUnary(inner, true));

function readNot(tokens: TokenStream): Expression {
  if (!tokens.skip('name:not')) return readComparison(tokens);
  return { type: 'unary', operator: 'not', of: tokens.inside(() => readNot(tokens)) };
}

function readComparison(tokens: TokenStream): Expression {
  const first = readSum(tokens);
  const rest: [CompareOperator, Expression][] = [];
  for (let operator = readComparator(tokens); operator !== null; operator = readComparator(tokens)) {
    rest.push([operator, readSum(tokens)]);
  }
  return rest.length === 0 ? first : { type: 'compare', first, rest };
}

function readComparator(tokens: TokenStream): CompareOperator | null {
  const sign = COMPARISONS.find((one) => tokens.is(one));
  if (sign !== undefined) {
    tokens.next();
    return sign;
  }
  if (tokens.skip('name:in')) return 'in';
  if (!tokens.is('name:not') || !tokens.isThen('name:in')) return null;
  tokens.next();
  tokens.next();
  return 'not in';
}

function readConcat(tokens: TokenStream): Expression {
  const parts = [readProduct(tokens)];
  while (tokens.skip('~')) parts.push(readProduct(tokens));
  return parts.length === 1 ? parts[0]! : { type: 'concat', parts };
}

function readUnary(tokens: TokenStream, filters: boolean): Expression {
  const sign = (['-', '+'] as const).find((one) => tokens.is(one));
  let node: Expression;
  if (sign === undefined) node = readPrimary(tokens);
  else {
    tokens.next();
    node = { type: 'unary', operator: sign, of: tokens.inside(() => readUnary(tokens, false)) };
  }
  node = readPostfix(tokens, node);
  return filters ? readFiltersAndTests(tokens, node) : node;
}

function readPrimary(tokens: TokenStream): Expression {
  const token = tokens.current;
  if (token.type === '[') return { type: 'list', items: readItems(tokens, '[', ']', () => readExpression(tokens)) };
  if (token.type === '{') return { type: 'dict', pairs: readItems(tokens, '{', '}', () => readPair(tokens)) };
  if (!LITERALS.includes(token.type)) tokens.fail('an expression is expected');
  tokens.next();
  if (token.type === '(') {
    const node = readTuple(tokens, { mayBeEmpty: true });
    tokens.expect(')');
    return node;
  }
  if (token.type === 'string') {
    let value = token.text;
    while (tokens.is('string')) value += tokens.next().text;
    return { type: 'constant', value };
  }
  if (token.value !== undefined) return { type: 'constant', value: token.value };
  const value = CONSTANTS.get(token.text);
  return value === undefined ? { type: 'name', name: token.text } : { type: 'constant', value };
}

/** Items between brackets, with commas between them and maybe behind the last. */
function readItems<Item>(tokens: TokenStream, open: string, close: string, read: () => Item): Item[] {
  tokens.expect(open);
  const items: Item[] = [];
  while (!tokens.is(close)) {
    if (items.length > 0) tokens.expect(',');
    if (tokens.is(close)) break;
    items.push(read());
  }
  tokens.expect(close);
  return items;
}

function readPair(tokens: TokenStream): [Expression, Expression] {
  const key = readExpression(tokens);
  tokens.expect(':');
  return [key, readExpression(tokens)];
}

/** Attributes, items and calls. */
export function readPostfix(tokens: TokenStream, first: Expression): Expression {
  let node = first;
  for (let depth = 1; ; depth++) {
    tokens.checkDepth(depth);
    if (tokens.skip('.')) {
      const { type, text, value = null } = tokens.next();
      if (type === 'name') node = { type: 'attribute', of: node, name: text };
      else if (type === 'integer') node = { type: 'item', of: node, key: { type: 'constant', value } };
      else tokens.fail('a name is expected before');
    } else if (tokens.is('[')) {
      const keys = readSubscript(tokens);
      node = { type: 'item', of: node, key: keys.length === 1 ? keys[0]! : { type: 'tuple', items: keys } };
    } else if (tokens.is('(')) node = { type: 'call', of: node, with: readArguments(tokens) };
    else return node;
  }
}

function readSubscript(tokens: TokenStream): Expression[] {
  tokens.expect('[');
  const keys: Expression[] = [];
  while (!tokens.is(']')) {
    if (keys.length > 0) tokens.expect(',');
    const first = tokens.is(':') ? null : readExpression(tokens);
    if (first !== null && !tokens.is(':')) {
      keys.push(first);
      continue;
    }
    const bounds: (Expression | null)[] = [first];
    while (bounds.length < 3) {
      const more = (bounds.length === 1 || tokens.is(':')) && tokens.skip(':');
      const ended = !more || [':', ']', ','].some((end) => tokens.is(end));
      bounds.push(ended ? null : readExpression(tokens));
    }
    keys.push({ type: 'slice', bounds });
  }
  tokens.expect(']');
  return keys;
}

/** Filters, tests, and calls of what they give. */
function readFiltersAndTests(tokens: TokenStream, first: Expression): Expression {
  let node = first;
  for (let depth = 1; ; depth++) {
    tokens.checkDepth(depth);
    if (tokens.is('|')) node = readFilter(tokens, node);
    else if (tokens.is('name:is')) node = readTest(tokens, node);
    else if (tokens.is('(')) node = { type: 'call', of: node, with: readArguments(tokens) };
    else return node;
  }
}

/** Reads `| name(...)`. */
export function readFilter(tokens: TokenStream, of: Expression | null): Expression {
  tokens.expect('|');
  return readNamedFilter(tokens, of);
}

/** Reads `name(...)` as a filter. */
export function readNamedFilter(tokens: TokenStream, of: Expression | null): Expression {
  const name = readDottedName(tokens);
  return { type: 'filter', of, name, with: tokens.is('(') ? readArguments(tokens) : NO_ARGUMENTS };
}

function readTest(tokens: TokenStream, of: Expression): Expression {
  tokens.expect('name:is');
  const negated = tokens.skip('name:not');
  const name = readDottedName(tokens);
  let given = NO_ARGUMENTS;
  if (tokens.is('(')) given = readArguments(tokens);
  else if (LITERALS.includes(tokens.current.type) && !['else', 'or', 'and'].some((word) => tokens.is(asName(word)))) {
    if (tokens.is('name:is')) tokens.fail('tests do not follow each other');
    given = { ...NO_ARGUMENTS, list: [readPostfix(tokens, readPrimary(tokens))] };
  }
  const test: Expression = { type: 'test', of, name, with: given };
  return negated ? { type: 'unary', operator: 'not', of: test } : test;
}

function readDottedName(tokens: TokenStream): string {
  let name = tokens.expect('name').text;
  while (tokens.skip('.')) name += `.${tokens.expect('name').text}`;
  return name;
}

/** Reads `(a, b=c, *d, **e)`. */
export function readArguments(tokens: TokenStream): Arguments {
  const list: Expression[] = [];
  const named: [string, Expression][] = [];
  let spread: Expression | null = null;
  let spreadNamed: Expression | null = null;
  const ensure = (ordered: boolean) => ordered || tokens.fail('arguments are out of order');
  readItems(tokens, '(', ')', () => {
    if (tokens.skip('*')) {
      ensure(spread === null && spreadNamed === null);
      spread = readExpression(tokens);
    } else if (tokens.skip('**')) {
      ensure(spreadNamed === null);
      spreadNamed = readExpression(tokens);
    } else if (tokens.is('name') && tokens.isThen('=')) {
      ensure(spreadNamed === null);
      const name = tokens.next().text;
      tokens.next();
      // Python itself refuses a name that is given twice.
      ensure(named.every(([other]) => other !== name));
      named.push([name, readExpression(tokens)]);
    } else {
      ensure(spread === null && spreadNamed === null && named.length === 0);
      list.push(readExpression(tokens));
    }
  });
  return { list, named, spread, spreadNamed };
}

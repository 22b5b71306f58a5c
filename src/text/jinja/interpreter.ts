// Renders a template: goes through its statements and evaluates its expressions.

import { appliers } from './appliers.ts';
import { nested, spend } from './budget.ts';
import { TemplateFault, TemplateUnsupported } from './faults.ts';
import { Loop } from './loop.ts';
import { attributeOf, itemOf, Slice } from './members.ts';
import type { Arguments, Expression, MacroNode, Statement, Target } from './nodes.ts';
import { Namespace } from './objects.ts';
import { binary, compares, signed } from './operators.ts';
import { printed } from './print.ts';
import { Scope } from './scope.ts';
import { concat, isStr, markSafe, plain, type Str } from './text.ts';
import {
  Dict,
  listOf,
  type Named,
  Once,
  refuseUndefined,
  Thing,
  truth,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';
import { bindMacro, Macro } from './macro.ts';

/** A jump that leaves a loop's body early. */
type Signal = 'break' | 'continue' | null;

type Node<Type extends string> = Extract<Statement | Expression, { type: Type }>;

/** The output of a body, as one text. */
export function render(body: readonly Statement[], scope: Scope): Str {
  const out: Str[] = [];
  execute(body, scope, out);
  return concat(out);
}

function execute(body: readonly Statement[], scope: Scope, out: Str[]): Signal {
  for (const statement of body) {
    spend(1);
    const signal = executeOne(statement, scope, out);
    if (signal !== null) return signal;
  }
  return null;
}

function executeOne(node: Statement, scope: Scope, out: Str[]): Signal {
  switch (node.type) {
    case 'data':
      out.push(node.text);
      return null;
    case 'output':
      out.push(printed(evaluate(node.value, scope)));
      return null;
    case 'set':
      assign(node.target, evaluate(node.value, scope), scope);
      return null;
    case 'set block': {
      const text = render(node.body, new Scope(scope));
      assign(node.target, node.filter === null ? text : filtered(node.filter, scope, text), scope);
      return null;
    }
    case 'if': {
      const branch = node.branches.find(([test]) => truth(evaluate(test, scope)));
      return execute(branch?.[1] ?? node.otherwise, scope, out);
    }
    case 'for':
      return executeFor(node, scope, out);
    case 'break':
    case 'continue':
      return node.type;
    case 'macro':
      scope.set(node.macro.name!, makeMacro(node.macro, scope));
      return null;
    case 'call block':
      out.push(textOnly(call(node.call as Node<'call'>, scope, makeMacro(node.macro, scope))));
      return null;
    case 'filter block':
      out.push(textOnly(filtered(node.filter, scope, render(node.body, new Scope(scope)))));
      return null;
    case 'with': {
      const inner = new Scope(scope);
      node.targets.forEach((target, index) => assign(target, evaluate(node.values[index]!, scope), inner));
      return execute(node.body, inner, out);
    }
    default:
      out.push(render(node.body, new Scope(scope)));
      return null;
  }
}

/** The output of such a block has to be text. */
function textOnly(value: Value): Str {
  if (isStr(value)) return value;
  throw new TemplateFault(`a block writes a ${typeName(value)} instead of a text`);
}

function executeFor(node: Node<'for'>, scope: Scope, out: Str[]): Signal {
  const items = evaluate(node.of, scope);
  if (!node.recursive) return goThrough(node, new Loop(selected(node, items, scope), 0, null), scope, out);
  const recurse = (inner: Value, depth: number): Str =>
    nested(() => {
      const written: Str[] = [];
      goThrough(node, new Loop(selected(node, inner, scope), depth, recurse), scope, written);
      return concat(written);
    });
  out.push(recurse(items, 0));
  return null;
}

function goThrough(node: Node<'for'>, loop: Loop, scope: Scope, out: Str[]): Signal {
  // As in jinja2, an iteration that `break` or `continue` ends does not count here.
  let isEmpty = true;
  for (let item = loop.next(); item !== undefined; item = loop.next()) {
    // An iteration makes a scope of its own.
    spend(5);
    const inner = new Scope(scope);
    assign(node.target, item, inner);
    if (node.usesLoop || node.recursive) inner.set('loop', loop);
    const signal = execute(node.body, inner, out);
    if (signal === 'break') break;
    if (signal === null) isEmpty = false;
  }
  return isEmpty ? execute(node.otherwise, new Scope(scope), out) : null;
}

/** The items for which the loop's own `if` holds. */
function selected({ target, test }: Node<'for'>, items: Value, scope: Scope): Value {
  if (test === null) return items;
  const list = listOf(items);
  const chosen = function* (): Generator<Value, void> {
    for (const item of list) {
      const inner = new Scope(scope);
      assign(target, item, inner);
      if (truth(evaluate(test, inner))) yield item;
    }
  };
  return new Once(chosen());
}

function assign(target: Target, value: Value, scope: Scope): void {
  if (target.type === 'variable') scope.set(target.name, value);
  else if (target.type === 'member') {
    const space = scope.get(target.of);
    if (!(space instanceof Namespace)) throw new TemplateFault(`"${target.of}" is no namespace, and takes no member`);
    space.set(target.name, value);
  } else {
    const items = listOf(value);
    if (items.length !== target.items.length) {
      throw new TemplateFault(`${items.length} values are given to ${target.items.length} names`);
    }
    target.items.forEach((one, index) => assign(one, items[index]!, scope));
  }
}

function makeMacro(node: MacroNode, scope: Scope): Macro {
  return new Macro(node, (list, named) =>
    nested(() => {
      const inner = new Scope(scope);
      for (const [name, value] of bindMacro(node, list, named)) {
        inner.set(name, value === undefined ? defaultOf(node, name, inner) : value);
      }
      return render(node.body, inner);
    }),
  );
}

/** The value of a parameter that is not given. */
function defaultOf({ parameters, defaults }: MacroNode, name: string, scope: Scope): Value {
  const node = defaults[parameters.indexOf(name) - parameters.length + defaults.length];
  return node ? evaluate(node, scope) : new Undefined(`"${name}" is not given to the macro`);
}

function evaluate(node: Expression, scope: Scope): Value {
  spend(1);
  switch (node.type) {
    case 'constant':
      return node.value;
    case 'name':
      return lookUp(node.name, scope);
    case 'list':
      return node.items.map((item) => evaluate(item, scope));
    case 'tuple':
      return new Tuple(node.items.map((item) => evaluate(item, scope)));
    case 'dict':
      return new Dict(node.pairs.map(([key, value]) => [evaluate(key, scope), evaluate(value, scope)] as const));
    case 'attribute':
      return attributeOf(evaluate(node.of, scope), node.name);
    case 'item':
      return itemOf(evaluate(node.of, scope), evaluate(node.key, scope));
    case 'slice':
      return new Slice(node.bounds.map((bound) => (bound === null ? null : evaluate(bound, scope))));
    case 'call':
      return call(node, scope);
    case 'filter':
      return filtered(node, scope, null);
    case 'test': {
      const value = evaluate(node.of, scope);
      return appliers.test(node.name, value, ...given(node.with, scope));
    }
    case 'unary': {
      const value = evaluate(node.of, scope);
      return node.operator === 'not' ? !truth(value) : signed(node.operator, value);
    }
    case 'binary':
      return evaluateBinary(node, scope);
    case 'concat':
      return concat(node.parts.map((part) => markSafe(printed(evaluate(part, scope)), false)));
    case 'compare':
      return evaluateComparison(node, scope);
    default:
      if (truth(evaluate(node.test, scope))) return evaluate(node.holds, scope);
      return node.otherwise
        ? evaluate(node.otherwise, scope)
        : new Undefined('a condition does not hold, and has no "else"');
  }
}

function lookUp(name: string, scope: Scope): Value {
  const value = scope.get(name);
  if (value !== undefined) return value;
  if (name === 'self') throw new TemplateUnsupported('the name "self"');
  return new Undefined(`"${name}" is not defined`);
}

function evaluateBinary({ operator, left, right }: Node<'binary'>, scope: Scope): Value {
  const first = evaluate(left, scope);
  if (operator === 'and') return truth(first) ? evaluate(right, scope) : first;
  if (operator === 'or') return truth(first) ? first : evaluate(right, scope);
  return binary(operator, first, evaluate(right, scope));
}

function evaluateComparison({ first, rest }: Node<'compare'>, scope: Scope): boolean {
  let left = evaluate(first, scope);
  for (const [operator, node] of rest) {
    const right = evaluate(node, scope);
    if (!compares(operator, left, right)) return false;
    left = right;
  }
  return true;
}

/** A filter, or a row of them; the innermost of a block's has the block's text. */
function filtered(node: Expression, scope: Scope, block: Str | null): Value {
  if (node.type !== 'filter') return evaluate(node, scope);
  const value = node.of === null ? block! : block === null ? evaluate(node.of, scope) : filtered(node.of, scope, block);
  return appliers.filter(node.name, value, ...given(node.with, scope));
}

function call(node: Node<'call'>, scope: Scope, caller?: Macro): Value {
  const callee = evaluate(node.of, scope);
  const [list, named] = given(node.with, scope);
  refuseUndefined(callee);
  if (!(callee instanceof Thing)) throw new TemplateFault(`a ${typeName(callee)} is called, which is no function`);
  return callee.call(list, caller ? new Map([...named, ['caller', caller]]) : named);
}

/** The arguments of a call, evaluated. */
function given({ list, named, spread, spreadNamed }: Arguments, scope: Scope): [Value[], Named] {
  const values = list.map((node) => evaluate(node, scope));
  const names = new Map(named.map(([name, node]) => [name, evaluate(node, scope)] as const));
  if (spread !== null) values.push(...listOf(evaluate(spread, scope)));
  if (spreadNamed !== null) {
    const more = evaluate(spreadNamed, scope);
    if (!(more instanceof Dict)) throw new TemplateFault(`a ${typeName(more)} is spread as named arguments`);
    for (const [key, value] of more.entries()) {
      const name = isStr(key) ? plain(key) : null;
      if (name === null || names.has(name)) throw new TemplateFault('a named argument stands twice, or has no name');
      names.set(name, value);
    }
  }
  return [values, names];
}

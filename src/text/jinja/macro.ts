import { TemplateFault } from './faults.ts';
import type { MacroNode } from './nodes.ts';
import { Dict, type Named, Thing, Tuple, Undefined, type Value } from './values.ts';

/** A macro, or the body of a call block. */
export class Macro extends Thing {
  readonly type = 'Macro';
  readonly #node: MacroNode;
  readonly #call: (list: readonly Value[], named: Named) => Value;

  constructor(node: MacroNode, call: (list: readonly Value[], named: Named) => Value) {
    super();
    this.#node = node;
    this.#call = call;
  }

  override get isCallable(): boolean {
    return true;
  }

  override call(list: readonly Value[], named: Named): Value {
    return this.#call(list, named);
  }

  override attribute(name: string): Value | undefined {
    switch (name) {
      case 'name':
        return this.#node.name ?? 'caller';
      case 'arguments':
        return new Tuple(this.#node.parameters);
      case 'catch_kwargs':
        return this.#node.reads.has('kwargs');
      case 'catch_varargs':
        return this.#node.reads.has('varargs');
      case 'caller':
        return this.#node.reads.has('caller');
      default:
        return undefined;
    }
  }

  override print(): string {
    return this.#node.name === null ? '<Macro anonymous>' : `<Macro '${this.#node.name}'>`;
  }
}

/**
 * The values of a macro's names when it is called; undefined where the default counts.
 *
 * @throws TemplateFault for arguments that it has no place for
 */
export function bindMacro(
  { parameters, reads }: MacroNode,
  list: readonly Value[],
  named: Named,
): [string, Value | undefined][] {
  const rest = new Map(named);
  const bound = parameters.map((name, index): [string, Value | undefined] => {
    if (index < list.length) return [name, list[index]];
    const value = rest.get(name);
    rest.delete(name);
    return [name, value];
  });
  if (reads.has('caller')) {
    bound.push(['caller', rest.get('caller') ?? new Undefined('the macro is called without a block')]);
    rest.delete('caller');
  }
  if (reads.has('kwargs')) bound.push(['kwargs', new Dict(rest)]);
  else if (rest.size > 0)
    throw new TemplateFault(`a macro has no argument "${[...rest.keys()][0]}", or it is given twice`);
  if (reads.has('varargs')) bound.push(['varargs', new Tuple(list.slice(parameters.length))]);
  else if (list.length > parameters.length) throw new TemplateFault(`a macro takes ${parameters.length} arguments`);
  return bound;
}

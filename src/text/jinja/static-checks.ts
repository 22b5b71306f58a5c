// The faults that jinja2 refuses before it renders, anywhere in the template.

import { TemplateFault } from './faults.ts';
import { hasFilter } from './filters.ts';
import { childrenOf, type Expression, type Statement } from './nodes.ts';
import { hasTest } from './tests.ts';

/** @throws TemplateFault */
export function checkStatements(body: readonly Statement[]): void {
  for (const statement of body) check(statement, { inLoop: false, maybe: false });
}

interface Place {
  /** Whether a loop is around, whose body `break` can leave. */
  readonly inLoop: boolean;
  /** Whether it is directly inside of a condition: there, an unknown filter fails only when it is used. */
  readonly maybe: boolean;
}

function check(node: Statement | Expression, place: Place): void {
  if (node.type === 'for') {
    checkLoopTarget(node);
    const inner: Place = { inLoop: true, maybe: false };
    check(node.of, place);
    for (const child of node.body) check(child, inner);
    for (const child of [...(node.test ? [node.test] : []), ...node.otherwise])
      check(child, { ...place, maybe: false });
    return;
  }
  if ((node.type === 'break' || node.type === 'continue') && !place.inLoop) {
    throw new TemplateFault(`"${node.type}" stands outside of a loop`);
  }
  if (!place.maybe && node.type === 'filter' && !hasFilter(node.name))
    throw new TemplateFault(`there is no filter "${node.name}"`);
  if (!place.maybe && node.type === 'test' && !hasTest(node.name))
    throw new TemplateFault(`there is no test "${node.name}"`);
  const inner = placeInside(node, place);
  for (const child of childrenOf(node)) check(child, inner);
}

function placeInside({ type }: Statement | Expression, place: Place): Place {
  switch (type) {
    case 'if':
    case 'condition':
      return { ...place, maybe: true };
    case 'macro':
    case 'call block':
    case 'generation':
      return { inLoop: false, maybe: false };
    case 'filter block':
    case 'set block':
    case 'with':
      return { ...place, maybe: false };
    default:
      return place;
  }
}

/** In a loop, the name `loop` is the loop's own. */
function checkLoopTarget(node: Statement | Expression): void {
  for (const child of childrenOf(node)) {
    if (child.type === ('variable' as string) && (child as unknown as { name: string }).name === 'loop') {
      throw new TemplateFault('"loop" takes no value inside of a loop');
    }
    checkLoopTarget(child);
  }
}

import type { Architecture, Block, Branch } from '../architecture/architecture.ts';
import type { Inspection } from './inspection.ts';

// The text that `npm run inspect` prints.

const BRANCH_NAMES: Readonly<Record<Branch, string>> = {
  shared: 'a shared transformer',
  mamba2: 'Mamba-2',
  mamba1: 'Mamba-1',
  attention: 'attention',
  swiglu: 'SwiGLU',
  relu2: 'squared ReLU',
  moe: 'experts',
};

/** An inspection as text; with `allTensors` every tensor on a line of its own, else those of all blocks together. */
export function formatInspection(inspection: Inspection, allTensors: boolean): string {
  const { name, stored, architecture, parameters, tokens } = inspection;
  const bytes = Object.entries(stored.bytes).map(([dtype, count]) => `${dtype} ${size(count)}`);
  return [
    `${name}: model type ${architecture.family}, ${(parameters / 1e6).toFixed(1)} million parameters`,
    `A ${stored.kind} of ${bytes.join(', ')}`,
    '',
    ...architectureLines(architecture),
    '',
    `Memory and the graphics memory that has room for it, with a conversation of ${integer(tokens)} tokens:`,
    ...table([['type', 'weights', 'state', 'keys, values', 'working', 'in all', 'fits'], ...sizeRows(inspection)]),
    'A GPU is taken to have 85 % of its memory free.',
    '',
    'Memory of a conversation (state, keys and values, rotary angles), by the type of keys and values:',
    ...table(contextRows(inspection)),
    '',
    'Tensors:',
    ...table(allTensors ? tensorRows(inspection) : tensorGroups(inspection)),
  ].join('\n');
}

function architectureLines(architecture: Architecture): string[] {
  const {
    vocabSize,
    hiddenSize,
    intermediateSize,
    blocks,
    mamba2,
    mamba1,
    attention,
    shared,
    moe,
    tiedHead,
    maxPositions,
  } = architecture;
  const facts: [string, string][] = [
    ['blocks', blockKinds(blocks)],
    ['width', `${integer(hiddenSize)}${intermediateSize > 0 ? `, MLPs of ${integer(intermediateSize)}` : ''}`],
    ['vocabulary', `${integer(vocabSize)}, the head ${tiedHead ? 'is the embedding' : 'has weights of its own'}`],
  ];
  if (mamba2) {
    const { heads, headDim, stateSize, groups, normGroups } = mamba2;
    const norm = normGroups === null ? 'a gate without a norm' : `a gated norm over ${plural(normGroups, 'group')}`;
    const shape = `${heads} heads of ${headDim}, state ${stateSize}, ${plural(groups, 'group')} of B and C`;
    facts.push(['Mamba-2', `${shape}, ${norm}`]);
  }
  if (mamba1) facts.push(['Mamba-1', `${integer(mamba1.inner)} channels, state ${mamba1.stateSize}`]);
  if (attention) {
    const { heads, kvHeads, headDim, rope } = attention;
    const positions = rope ? `positions turn ${rope.dims} dimensions` : 'no positions';
    facts.push(['attention', `${heads} heads of ${headDim}, ${kvHeads} for keys and values, ${positions}`]);
  }
  if (shared) {
    const { sets, intermediateSize: width, adapterRank } = shared;
    facts.push([
      'shared',
      `${plural(sets, 'transformer')} with MLPs of ${integer(width)}, adapters of rank ${adapterRank}`,
    ]);
  }
  if (moe) facts.push(['experts', `${moe.experts} of ${integer(moe.intermediateSize)}, ${moe.topK} for a token`]);
  facts.push(['context', attention ? `${integer(maxPositions)} tokens` : 'as long as it may be']);
  return facts.map(([what, fact]) => `${what.padEnd(11)}${fact}`);
}

/** Such as `4 of attention, SwiGLU; 36 of Mamba-2, SwiGLU`. */
function blockKinds(blocks: readonly Block[]): string {
  const counts = new Map<string, number>();
  for (const block of blocks) {
    const text = block.map((sublayer) => sublayer.map((kind) => BRANCH_NAMES[kind]).join(' beside ')).join(', ');
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const parts = [...counts].map(([text, count]) => `${count} of ${text}`);
  return parts.length === 1 ? parts.join() : `${blocks.length}: ${parts.join('; ')}`;
}

function sizeRows({ sizes }: Inspection): string[][] {
  return sizes.map(({ scheme, memory, fits }) => [
    scheme,
    ...[memory.weights, memory.state, memory.keysAndValues, memory.working, memory.total].map(size),
    fits === null ? 'no GPU' : `${fits} GB`,
  ]);
}

function contextRows({ contexts }: Inspection): string[][] {
  const lengths = contexts[0]!.contexts.map(({ tokens }) => `${integer(tokens)} tokens`);
  return [
    ['type', ...lengths],
    ...contexts.map(({ cacheType, contexts: costs }) => [cacheType, ...costs.map(({ bytes }) => size(bytes))]),
  ];
}

function tensorRows({ tensors }: Inspection): string[][] {
  return tensors.map(({ name, shape, sources }) => [name, shape.join(' x '), sources.join(', ')]);
}

/** One line for what all blocks have under the same name in the same shape. */
function tensorGroups({ tensors }: Inspection): string[][] {
  const groups = new Map<string, { row: string[]; count: number }>();
  for (const { name, shape } of tensors) {
    const row = [name.replace(/^blocks\.\d+\./, 'blocks.*.'), shape.join(' x ')];
    const group = groups.get(row.join()) ?? { row, count: 0 };
    group.count++;
    groups.set(row.join(), group);
  }
  return [...groups.values()].map(({ row, count }) => [...row, count > 1 ? `${count} times` : '']);
}

/** Rows of columns as wide as they have to be. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}

function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

function integer(value: number): string {
  return value.toLocaleString('en-US');
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

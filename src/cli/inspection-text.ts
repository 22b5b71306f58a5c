import type { Architecture, MoeShape, Rope } from '../architecture/architecture.ts';
import { attentionExtras, biasText, blockKinds, normText } from './block-text.ts';
import type { Inspection } from './inspection.ts';

// The text that `npm run inspect` prints.

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
    mamba2,
    mamba1,
    shortConv,
    gatedDelta,
    rgLru,
    attention,
    shared,
    moe,
    tiedHead,
    maxPositions,
  } = architecture;
  const facts: [string, string][] = [
    ['blocks', blockKinds(architecture)],
    ['norms', normText(architecture)],
    ['width', `${integer(hiddenSize)}${intermediateSize > 0 ? `, MLPs of ${integer(intermediateSize)}` : ''}`],
    ['vocabulary', `${integer(vocabSize)}, the head ${tiedHead ? 'is the embedding' : 'has weights of its own'}`],
  ];
  if (mamba2) {
    const { heads, headDim, stateSize, groups, normGroups, gateLast } = mamba2;
    const order = gateLast ? 'a norm before the gate' : 'a gated norm';
    const norm = normGroups === null ? 'a gate without a norm' : `${order} over ${plural(normGroups, 'group')}`;
    const shape = `${heads} heads of ${headDim}, state ${stateSize}, ${plural(groups, 'group')} of B and C`;
    facts.push(['Mamba-2', `${shape}, ${norm}`]);
  }
  if (mamba1) facts.push(['Mamba-1', `${integer(mamba1.inner)} channels, state ${mamba1.stateSize}`]);
  if (shortConv) facts.push(['short conv', `of ${shortConv.convWidth} tokens`]);
  if (gatedDelta) {
    const { keyHeads, valueHeads, keyDim, valueDim } = gatedDelta;
    facts.push(['delta rule', `${valueHeads} heads of ${valueDim}, ${keyHeads} for keys of ${keyDim}`]);
  }
  if (rgLru) facts.push(['recurrence', `${integer(rgLru.width)} channels in ${rgLru.heads} heads`]);
  if (attention) {
    const { heads, kvHeads, headDim, rope } = attention;
    const positions = rope ? `positions turn ${rope.dims} dimensions${scalingText(rope)}` : 'no positions';
    const shape = `${heads} heads of ${headDim}, ${kvHeads} for keys and values, ${positions}`;
    facts.push(['attention', [shape, ...attentionExtras(architecture)].join(', ')]);
  }
  if (shared) {
    const { sets, intermediateSize: width, adapterRank, attentionAdapters } = shared;
    const adapters = `adapters of rank ${adapterRank}${attentionAdapters ? ', of q, k and v, too' : ''}`;
    facts.push(['shared', `${plural(sets, 'transformer')} with MLPs of ${integer(width)}, ${adapters}`]);
  }
  if (moe) facts.push(['experts', expertText(moe)]);
  const { logitCap } = architecture;
  if (logitCap !== undefined) facts.push(['logits', `within ${logitCap}`]);
  if (architecture.biases) facts.push(['biases', `of ${biasText(architecture)}`]);
  facts.push(['context', attention ? `${integer(maxPositions)} tokens` : 'as long as it may be']);
  return facts.map(([what, fact]) => `${what.padEnd(11)}${fact}`);
}

/** How positions are scaled; nothing where they are not. */
function scalingText({ origin }: Rope): string {
  if (!origin || origin.type === 'default') return '';
  return ` (scaled: ${origin.type}, ${origin.factor} times from ${integer(origin.positions)} tokens)`;
}

function expertText({ experts, intermediateSize, topK, ungated, latentSize, besideSize }: MoeShape): string {
  return [
    `${experts} of ${integer(intermediateSize)}, ${topK} for a token`,
    ...(ungated ? ['squared ReLU without gates'] : []),
    ...(latentSize === undefined ? [] : [`of ${integer(latentSize)} that the stream is projected to`]),
    ...(besideSize === undefined ? [] : [`beside an MLP of ${integer(besideSize)}`]),
  ].join(', ');
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

import {
  type Activation,
  type Architecture,
  attentionLayer,
  type Biased,
  type Branch,
  normsOf,
  ropeOf,
} from '../architecture/architecture.ts';

// What the blocks of a model are, in words.

const BRANCH_NAMES: Readonly<Record<Branch, string>> = {
  shared: 'a shared transformer',
  mamba2: 'Mamba-2',
  mamba1: 'Mamba-1',
  short_conv: 'a short convolution',
  gated_delta: 'the gated delta rule',
  rg_lru: 'a recurrence of Griffin',
  attention: 'attention',
  swiglu: 'SwiGLU',
  relu2: 'squared ReLU',
  moe: 'experts',
};

const ACTIVATION_NAMES: Readonly<Record<Activation, string>> = {
  silu: 'SiLU',
  gelu: 'GELU',
  gelu_tanh: 'GELU by tanh',
  relu2: 'squared ReLU',
};

const BIASED_NAMES: Readonly<Record<Biased, string>> = {
  qkv: 'q, k and v',
  o_proj: 'o',
  mlp: 'MLPs',
  mamba2_in: 'what Mamba-2 reads',
  mamba2_out: 'what Mamba-2 gives',
  mamba1: 'Mamba-1',
  short_conv: 'short convolutions',
  rg_lru: 'recurrences',
};

/** Such as `4 of attention, SwiGLU; 36 of Mamba-2, SwiGLU`. */
export function blockKinds(architecture: Architecture): string {
  const counts = new Map<string, number>();
  for (const [index, block] of architecture.blocks.entries()) {
    const branch = (kind: Branch) => branchText(architecture, index, kind);
    const text = block.map((sublayer) => sublayer.map(branch).join(' beside ')).join(', ');
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const parts = [...counts].map(([text, count]) => `${count} of ${text}`);
  return parts.length === 1 ? parts.join('') : `${architecture.blocks.length}: ${parts.join('; ')}`;
}

function branchText(architecture: Architecture, index: number, kind: Branch): string {
  const { activation, attention } = architecture;
  if (activation && kind === 'swiglu') return `an MLP gated by ${ACTIVATION_NAMES[activation]}`;
  if (activation && kind === 'relu2') return `an MLP with ${ACTIVATION_NAMES[activation]}`;
  if (kind !== 'attention' || !attention?.layers) return BRANCH_NAMES[kind];
  const { window, rope } = attentionLayer(architecture, index);
  const sees = window ? ` to the latest ${attention.window!.toLocaleString('en-US')} tokens` : '';
  const turns =
    rope === 'local' ? ' with positions of its own' : ropeOf(architecture, index) ? '' : ' without positions';
  return `attention${sees}${turns}`;
}

/** What the norms of the stream are, and where. */
export function normText(architecture: Architecture): string {
  const places = architecture.blocks.map((_, index) => {
    const { before, after } = normsOf(architecture, index);
    return before && after ? 'before and behind branches' : after ? 'behind branches' : 'before branches';
  });
  return `${architecture.norm === 'layer' ? 'LayerNorm' : 'RMSNorm'} ${[...new Set(places)].join(' or ')}`;
}

/** What attention has besides heads and positions. */
export function attentionExtras({ attention }: Architecture): string[] {
  if (!attention) return [];
  const { qkNorm, qkvLimit, scoreCap, sinks, gated } = attention;
  return [
    ...(qkNorm ? [`norms of q and k over ${qkNorm === 'head' ? 'each head' : 'their widths'}`] : []),
    ...(qkvLimit === undefined ? [] : [`q, k and v within ${qkvLimit}`]),
    ...(scoreCap === undefined ? [] : [`scores within ${scoreCap}`]),
    ...(gated ? ['a gate'] : []),
    ...(sinks ? ['a sink for each head'] : []),
  ];
}

/** What has biases; empty where nothing does. */
export function biasText({ biases = [] }: Architecture): string {
  return biases.map((what) => BIASED_NAMES[what]).join('; ');
}

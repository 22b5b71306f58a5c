/** Functions between the matrices of an MLP, as shaders/lib/activation.wgsl numbers them. */
export const ACTIVATION_NUMBERS = { silu: 0, gelu: 1, gelu_tanh: 2, relu2: 3 } as const;
export type KernelActivation = keyof typeof ACTIVATION_NUMBERS;

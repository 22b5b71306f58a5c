// Tools and calls of them, in the one shape that they have from an API to a chat template.

/** A call of a tool, as a model wrote it. */
export interface ToolCall {
  /** Identifies it; the tool's answer names it. */
  id: string;
  /** Of the tool. */
  name: string;
  /** JSON of an object. */
  arguments: string;
}

/** A function that a model may call. */
export interface Tool {
  /** The name by which the model calls it. */
  name: string;
  /** For the model: what it does and when to call it. */
  description?: string;
  /** JSON Schema of its arguments, of type `object`; none takes no arguments. */
  parameters?: object;
}

/** The arguments of a tool without `parameters`. */
export const NO_PARAMETERS: object = { type: 'object', properties: {} };

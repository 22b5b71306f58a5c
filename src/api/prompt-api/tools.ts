import type { ChatMessage, Tool, ToolCall } from '../../engine/protocol.ts';
import { unlessAborted } from './turns.ts';
import type { LanguageModelTool } from './types.ts';

/**
 * Tools as the engine offers them.
 * @throws TypeError for what is no tool
 */
export function offered(tools: readonly LanguageModelTool[]): Tool[] {
  return tools.map((tool) => {
    const { name, description, inputSchema } = tool;
    if (typeof name !== 'string' || typeof description !== 'string' || typeof tool.execute !== 'function') {
      throw new TypeError('A tool has a name, a description, an inputSchema, and a function execute.');
    }
    if (typeof inputSchema !== 'object' || inputSchema === null) {
      throw new TypeError(`The inputSchema of ${name} is no JSON Schema.`);
    }
    return { name, description, parameters: JSON.parse(JSON.stringify(inputSchema)) as object };
  });
}

/**
 * Does what the model calls, all at once.
 * @returns what it is told
 * @throws what a tool throws; the signal's reason
 */
export async function toolMessages(
  calls: readonly ToolCall[],
  tools: readonly LanguageModelTool[],
  signal: AbortSignal,
): Promise<ChatMessage[]> {
  const results = calls.map(async ({ id, name, arguments: given }): Promise<ChatMessage> => {
    const tool = tools.find((one) => one.name === name);
    const content = tool
      ? await tool.execute(JSON.parse(given) as Record<string, unknown>)
      : `There is no tool ${name}.`;
    return { role: 'tool', toolCallId: id, name, content };
  });
  return unlessAborted(Promise.all(results), signal);
}

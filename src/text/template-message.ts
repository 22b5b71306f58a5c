// Messages and tools by the names that chat templates have for them: those of Python's transformers, with calls nested.

import { readToolArguments } from './tool-arguments.ts';
import { NO_PARAMETERS, type Tool, type ToolCall } from './tool-call.ts';

/** One message of a chat, as a prompt is made of it. */
export interface Message {
  readonly role: string;
  readonly content: string;
  /** The calls of an assistant. */
  readonly toolCalls?: readonly ToolCall[];
  /** Which call a tool answers, and the tool. */
  readonly toolCallId?: string;
  readonly name?: string;
}

/** A message as a template finds it. */
export function templateMessage({ role, content, toolCalls = [], toolCallId, name }: Message): object {
  return {
    role,
    content,
    ...(toolCalls.length > 0 && {
      // Arguments as an object: templates turn it into JSON themselves. As text where they are no object.
      tool_calls: toolCalls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: readToolArguments(call.arguments) },
      })),
    }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
    ...(name !== undefined && { name }),
  };
}

/** A tool as a template finds it. */
export function templateTool({ name, description = '', parameters = NO_PARAMETERS }: Tool): object {
  return { type: 'function', function: { name, description, parameters } };
}

/**
 * Deletes what the engine keeps of a chat beside its text. The engine's code is fetched only when it is asked. Where that
 * fails, the state is still one that nobody asks for, and goes with the oldest once there has to be room.
 */
export async function forgetState(chat: string): Promise<void> {
  try {
    const { deleteStoredStates } = await import('../../engine/client.ts');
    await deleteStoredStates(chat);
  } catch {
    // See above: the chat itself is deleted.
  }
}

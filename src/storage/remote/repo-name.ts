/** The Hugging Face Hub. */
export const HUB = 'https://huggingface.co';

/** Whether `model` names a repository: two plain names with one slash between them, and no GGUF file in a folder. */
export function isRepoName(model: string): boolean {
  return (
    /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9_][\w.-]{0,95}$/.test(model) &&
    !model.includes('..') &&
    !/\.gguf$/i.test(model)
  );
}

/** A small fault put into one file, and the tests that must fail for it. */
export interface Mutation {
  /** The fault in a few words; unique. */
  name: string;
  /** Path of the file, from the project's root. */
  file: string;
  /** Text that stands in the file exactly once. */
  find: string;
  /** The text in its place. */
  replace: string;
  /** The file of the tests, from the project's root: `*.gpu.test.ts` runs on a GPU, all others in Node. */
  test: string;
  /** Part of the names of the tests that are run; default all of the file. */
  only?: string;
}

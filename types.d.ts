/** What TypeScript's own compiler, as editors and `npx tsc` use it, does not know, and Deno does. */

/** Files that are imported as text, `with { type: "text" }`. */
declare module "*.css" {
  const text: string;
  export default text;
}

declare module "*.svg" {
  const text: string;
  export default text;
}

declare module "*/graph.js" {
  const text: string;
  export default text;
}

declare module "*/docs.js" {
  const text: string;
  export default text;
}

declare module "*/passkeys.js" {
  const text: string;
  export default text;
}

declare module "*/live.js" {
  const text: string;
  export default text;
}

/** In the DOM's types the decoder takes more kinds of bytes than a stream gives, and the two do not fit. */
interface ReadableStream<R> {
  pipeThrough(transform: TextDecoderStream, options?: StreamPipeOptions): ReadableStream<string>;
}

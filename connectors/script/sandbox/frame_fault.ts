/** What a sandbox sent is not what its program sends. */
export class FrameFault extends Error {
  override readonly name = "FrameFault";
}

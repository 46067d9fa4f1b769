export interface Payload {
  /** The folder's name in the cache: version and content. */
  readonly id: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** The shell script that stands before the archive, with the archive's facts filled in. */
export function createLauncher(template: string, payload: Payload): Uint8Array {
  const filled = template
    .replace("@ID@", payload.id)
    .replace("@SHA256@", payload.sha256)
    .replace("@SIZE@", String(payload.sizeBytes));
  // Where the archive begins is in the script, whose length depends on it.
  let offset = 0;
  for (;;) {
    const script = new TextEncoder().encode(filled.replace("@OFFSET@", String(offset)));
    if (script.length + 1 === offset) return script;
    offset = script.length + 1;
  }
}

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AppError } from "../errors.ts";

const unzip = promisify(gunzip);

/**
 * The bytes of a body as they were before they were compressed; `encoding` is its Content-Encoding. Throws `invalid` for
 * another encoding than gzip (reason media_type), for what is none, and for more than so many bytes (reason too_large).
 */
export async function unpackedBody(
  body: Uint8Array,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  const name = (encoding ?? "identity").trim().toLowerCase();
  if (name === "identity" || name === "") return body;
  if (name !== "gzip" && name !== "x-gzip") {
    throw new AppError("invalid", `The body is written in ${name}: send it as it is, or in gzip`, {
      reason: "media_type",
    });
  }
  try {
    return new Uint8Array(await unzip(body, { maxOutputLength: maxBytes }));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      const message = `The body is more than ${maxBytes} bytes when it is no more compressed`;
      throw new AppError("invalid", message, { reason: "too_large", cause: error });
    }
    throw new AppError("invalid", "The body is not gzip, or ends too early", { cause: error });
  }
}

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AppError } from "../../../contract/errors.ts";
import type { Post } from "./signature.ts";

/** The largest body that a compressed one may become: what is sent is held to a limit of its own. */
const MAX_BYTES = 20 * 1_024 * 1_024;

const unzip = promisify(gunzip);

/**
 * The post as it was before it was compressed. Throws `invalid` for another encoding than gzip (reason media_type), for what is
 * none, and for what would be larger than 20 MiB (reason too_large).
 */
export async function decodedPost(post: Post): Promise<Post> {
  const encoding = (post.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "") return post;
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    throw new AppError("invalid", `The body is written in ${encoding}: send it as it is, or in gzip`, {
      reason: "media_type",
    });
  }
  try {
    const body = new Uint8Array(await unzip(post.body, { maxOutputLength: MAX_BYTES }));
    return { ...post, body };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      const message = `The body is more than ${MAX_BYTES} bytes when it is no more compressed`;
      throw new AppError("invalid", message, { reason: "too_large", cause: error });
    }
    throw new AppError("invalid", "The body is not gzip, or ends too early", { cause: error });
  }
}

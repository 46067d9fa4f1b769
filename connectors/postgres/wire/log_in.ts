import { md5Response, ScramClient } from "./authentication.ts";
import { MESSAGE, type MessageReader } from "./message_reader.ts";
import { password as passwordMessage, saslInitialResponse, saslResponse } from "./messages.ts";
import { HandshakeError, parseServerMessage, ServerError } from "./server_error.ts";
import type { WireSocket } from "./wire_socket.ts";

export interface Credentials {
  readonly user: string;
  /** Called once, only where the server asks for it. */
  revealPassword(): string | undefined;
}

/** The kinds of an Authentication message. */
const AUTHENTICATION = { ok: 0, clearText: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;
const SCRAM = "SCRAM-SHA-256";

const decoder = new TextDecoder();

/** Answers the server's demands after the startup message until it says that the user is let in. */
export async function authenticate(
  socket: WireSocket,
  reader: MessageReader,
  credentials: Credentials,
): Promise<void> {
  let scram: ScramClient | undefined;
  let isVerified = false;
  for (;;) {
    const { type, body } = await reader.next();
    if (type === MESSAGE.error) throw new ServerError(parseServerMessage(body));
    if (type !== MESSAGE.authentication) continue;
    const kind = new DataView(body.buffer, body.byteOffset).getInt32(0);
    const data = body.slice(4);
    switch (kind) {
      case AUTHENTICATION.ok:
        if (scram !== undefined && !isVerified) throw unsupported("an unfinished SCRAM exchange");
        return;
      case AUTHENTICATION.clearText:
        if (!socket.isPrivate) throw unsupported("the password in clear text without TLS");
        await socket.write(passwordMessage(passwordOf(credentials)));
        break;
      case AUTHENTICATION.md5:
        await socket.write(passwordMessage(md5Response(credentials.user, passwordOf(credentials), data)));
        break;
      case AUTHENTICATION.sasl: {
        const mechanisms = decoder.decode(data).split("\0").filter((name) => name !== "");
        if (!mechanisms.includes(SCRAM)) throw unsupported(`SASL ${mechanisms.join(", ")}`);
        scram = new ScramClient(passwordOf(credentials));
        await socket.write(saslInitialResponse(SCRAM, scram.first()));
        break;
      }
      case AUTHENTICATION.saslContinue:
        if (scram === undefined) throw unsupported("SASL out of turn");
        await socket.write(saslResponse(scram.final(decoder.decode(data))));
        break;
      case AUTHENTICATION.saslFinal:
        if (scram === undefined) throw unsupported("SASL out of turn");
        scram.verify(decoder.decode(data));
        isVerified = true;
        break;
      default:
        throw unsupported(`authentication method ${kind}`);
    }
  }
}

function passwordOf(credentials: Credentials): string {
  const password = credentials.revealPassword();
  if (password === undefined) {
    throw new HandshakeError("authentication", "the server wants a password and none is configured");
  }
  return password;
}

const unsupported = (what: string): HandshakeError =>
  new HandshakeError("authentication", `the server asks for ${what}, which this connector does not do`);

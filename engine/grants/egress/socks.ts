/**
 * The server's part of SOCKS 5 (RFC 1928) with a name and a password (RFC 1929), as far as a client of HTTP needs it: CONNECT
 * to a name or an address.
 */

const VERSION = 5;
const BY_PASSWORD = 2;
const NO_METHOD = 0xff;
const PASSWORD_VERSION = 1;
const CONNECT = 1;
const ADDRESS_V4 = 1;
const ADDRESS_NAME = 3;
const ADDRESS_V6 = 4;

/** How a request ends. */
export const REPLY = {
  done: 0,
  failed: 1,
  refused: 2,
  unreachable: 4,
  connectionRefused: 5,
  unknownCommand: 7,
  unknownAddress: 8,
} as const;
export type Reply = (typeof REPLY)[keyof typeof REPLY];

/** The other side does not keep to the protocol, or went away in the middle of it. */
export class SocksFault extends Error {}

/** Bytes of the other side, as many as are asked for. */
export interface ByteSource {
  /** Throws SocksFault where there are no more. */
  take(count: number): Promise<Uint8Array>;
}

type Write = (bytes: Uint8Array) => void;

/** Greets and reads the password. `write` gets the answers; `mayEnter` says whether the password is one. */
export async function signIn(
  source: ByteSource,
  write: Write,
  mayEnter: (password: string) => boolean,
): Promise<string> {
  const [version, count = 0] = await source.take(2);
  if (version !== VERSION) throw new SocksFault("not SOCKS 5");
  const methods = await source.take(count);
  if (!methods.includes(BY_PASSWORD)) {
    write(Uint8Array.of(VERSION, NO_METHOD));
    throw new SocksFault("without a password");
  }
  write(Uint8Array.of(VERSION, BY_PASSWORD));
  const [passwordVersion, nameLength = 0] = await source.take(2);
  if (passwordVersion !== PASSWORD_VERSION) throw new SocksFault("another way to sign in");
  await source.take(nameLength);
  const [passwordLength = 0] = await source.take(1);
  const password = new TextDecoder().decode(await source.take(passwordLength));
  const isKnown = mayEnter(password);
  write(Uint8Array.of(PASSWORD_VERSION, isKnown ? 0 : 1));
  if (!isKnown) throw new SocksFault("an unknown password");
  return password;
}

/** The host that is asked for, as `name:port` or `[address]:port`; a reply where it cannot be one. */
export async function readRequest(source: ByteSource): Promise<string | Reply> {
  const [version, command, , kind] = await source.take(4);
  if (version !== VERSION) throw new SocksFault("not SOCKS 5");
  const name = await readAddress(source, kind);
  if (name === undefined) return REPLY.unknownAddress;
  const [high = 0, low = 0] = await source.take(2);
  if (command !== CONNECT) return REPLY.unknownCommand;
  return `${name}:${high * 256 + low}`;
}

async function readAddress(source: ByteSource, kind: number | undefined): Promise<string | undefined> {
  if (kind === ADDRESS_V4) return (await source.take(4)).join(".");
  if (kind === ADDRESS_V6) {
    const bytes = await source.take(16);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const words = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2).toString(16));
    // In the one form that URLs have.
    return new URL(`http://[${words.join(":")}]/`).hostname;
  }
  if (kind !== ADDRESS_NAME) return undefined;
  const [length = 0] = await source.take(1);
  const name = new TextDecoder().decode(await source.take(length));
  // A client may pass an IPv6 address as a name, without its brackets.
  return name.includes(":") && !name.startsWith("[") && URL.canParse(`http://[${name}]/`)
    ? new URL(`http://[${name}]/`).hostname
    : name;
}

/** The answer to a request. The address that it carries is nobody's business. */
export const replyBytes = (reply: Reply): Uint8Array =>
  Uint8Array.of(VERSION, reply, 0, ADDRESS_V4, 0, 0, 0, 0, 0, 0);

/** An error that the server reported. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** The server's number of the error, as 1146. */
  readonly errno: number;
  /** Five characters; empty where the server sent none. */
  readonly sqlState: string;

  constructor(errno: number, sqlState: string, message: string) {
    super(message);
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

export const NOT_THE_PROTOCOL = "the server sent something that is not MySQL's protocol";

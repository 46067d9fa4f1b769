/** A commit of git, as far as people are told of it. */
export interface CommitInfo {
  /** 40 hex digits. */
  readonly id: string;
  /** Who wrote it, by name. */
  readonly author: string;
  /** The first line of its message. */
  readonly subject: string;
  /** When it was written, epoch milliseconds. */
  readonly atMs: number;
}

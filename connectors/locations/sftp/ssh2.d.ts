import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";

/**
 * What is used of ssh2 1.17.0. Its types on DefinitelyTyped bring those of another version of Node, which do not fit
 * the ones of this house. Source: https://github.com/mscdex/ssh2, README.md and SFTP.md
 */

type Done<T = void> = (error: Error | null | undefined, result?: T) => void;

export interface ConnectConfig {
  host: string;
  port: number;
  username: string;
  password?: string;
  privateKey?: string;
  passphrase?: string;
  readyTimeout: number;
  keepaliveInterval: number;
  hostVerifier: (key: Buffer) => boolean;
}

export class Client extends EventEmitter {
  connect(config: ConnectConfig): this;
  sftp(done: Done<SFTPWrapper>): this;
  setNoDelay(noDelay: boolean): this;
  end(): this;
}

export interface Stats {
  size: number;
  mtime: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

export interface SFTPWrapper {
  stat(path: string, done: Done<Stats>): void;
  fstat(handle: Buffer, done: Done<Stats>): void;
  readdir(path: string, done: Done<{ filename: string; attrs: Stats }[]>): void;
  open(path: string, flags: "r" | "w" | "wx", done: Done<Buffer>): void;
  close(handle: Buffer, done: Done): void;
  read(
    handle: Buffer,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: Done<number>,
  ): void;
  write(handle: Buffer, buffer: Buffer, offset: number, length: number, position: number, done: Done): void;
  rename(from: string, to: string, done: Done): void;
  unlink(path: string, done: Done): void;
  mkdir(path: string, done: Done): void;
  utimes(path: string, accessed: number, modified: number, done: Done): void;
  ext_openssh_rename(from: string, to: string, done: Done): void;
  ext_openssh_fsync(handle: Buffer, done: Done<unknown>): void;
}

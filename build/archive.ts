import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import type { StagedFile } from "./staged_file.ts";

/**
 * A tar.gz of the files, always the same bytes for the same files: in order of their paths, times
 * and owners zero, no name or time in gzip's header.
 */
export function packArchive(files: readonly StagedFile[]): Uint8Array {
  const sorted = files.toSorted((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
  const blocks: Uint8Array[] = [];
  for (const folder of foldersOf(sorted)) blocks.push(tarHeader(`${folder}/`, 0, "5", 0o755));
  for (const { path, content, isExecutable } of sorted) {
    blocks.push(tarHeader(path, content.length, "0", isExecutable ? 0o755 : 0o644), content);
    blocks.push(new Uint8Array(-content.length & (BLOCK_BYTES - 1)));
  }
  // Two empty blocks end an archive.
  blocks.push(new Uint8Array(2 * BLOCK_BYTES));
  const packed = gzipSync(Buffer.concat(blocks), { level: 9 });
  // RFC 1952: byte 9 names the operating system; 255 is "unknown", wherever it was built.
  packed[9] = 255;
  return packed;
}

const BLOCK_BYTES = 512;

/** Every folder above a file, outer ones first. */
function foldersOf(files: readonly StagedFile[]): string[] {
  const folders = new Set<string>();
  for (const { path } of files) {
    const parts = path.split("/").slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join("/"));
  }
  return [...folders].toSorted();
}

/** A ustar header (POSIX.1-1988), which every tar reads. */
function tarHeader(path: string, sizeBytes: number, type: "0" | "5", mode: number): Uint8Array {
  const { name, prefix } = splitPath(path);
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, offset: number) => header.set(new TextEncoder().encode(text), offset);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(name, 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(sizeBytes, 11), 124);
  put(octal(0, 11), 136);
  // The checksum counts its own field as spaces.
  put(" ".repeat(8), 148);
  put(type, 156);
  put("ustar\0" + "00", 257);
  put(prefix, 345);
  put(`${octal(header.reduce((sum, byte) => sum + byte, 0), 6)}\0 `, 148);
  return header;
}

/** ustar holds 100 bytes of name and 155 of the folders before it. */
function splitPath(path: string): { name: string; prefix: string } {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(path) <= 100) return { name: path, prefix: "" };
  for (let cut = path.indexOf("/"); cut !== -1; cut = path.indexOf("/", cut + 1)) {
    const name = path.slice(cut + 1);
    if (bytes(name) <= 100 && bytes(path.slice(0, cut)) <= 155) return { name, prefix: path.slice(0, cut) };
  }
  throw new Error(`The path ${path} is too long for the archive`);
}

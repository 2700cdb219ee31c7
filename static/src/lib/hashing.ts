// The SHA-256 of a file of any size: piece by piece, so that memory stays small and the page answers
// between two pieces. Pure JavaScript: the site's Content-Security-Policy allows no WebAssembly, and
// the browser's own digest wants all of the file in memory at once.
import { sha256 } from "@noble/hashes/sha2.js";

/** About 10 ms of work: nobody notices. */
const PIECE_BYTES = 1024 * 1024;

/** In hex; null if it was given up. Fails as reading the file does. */
export async function hashOf(file: Blob, signal: AbortSignal, progress: (done: number) => void): Promise<string | null> {
  const hash = sha256.create();
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    hash.update(new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer()));
    if (signal.aborted) return null;
    progress(Math.min(at + PIECE_BYTES, file.size));
  }
  return [...hash.digest()].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

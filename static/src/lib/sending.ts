// One file on its way, by tus (videos, files) or in one request (pictures): what several pages share.
import * as tus from "tus-js-client";
import { csrfToken } from "./csrf";

export type Kind = "video" | "picture" | "file";

const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|ts|m2ts|mts|flv|wmv|mpe?g|3gp)$/i;
const PICTURE = /\.(png|jpe?g|webp|gif)$/i;
/** Hashing reads the whole file into memory: worth it for these. */
const HASHED_BYTES = 256 * 1024 ** 2;

export function kindOf(file: File): Kind {
  if (file.type.startsWith("video/") || VIDEO.test(file.name)) return "video";
  return PICTURE.test(file.name) ? "picture" : "file";
}

export function bytes(n: number): string {
  return n >= 1e9 ? `${(n / 1e9).toFixed(2)} GB` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} MB` : `${Math.ceil(n / 1e3)} kB`;
}

export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

/** Speed over the last seconds, not since the beginning: a pause or a better line shows at once. */
export class Pace {
  #seen: [number, number][] = [];

  at(sent: number, now = Date.now()): number {
    this.#seen.push([now, sent]);
    while (this.#seen.length > 2 && now - this.#seen[0]![0] > 8000) this.#seen.shift();
    const [then, before] = this.#seen[0]!;
    return now - then > 500 ? Math.max(0, ((sent - before) / (now - then)) * 1000) : 0;
  }

  forget(): void { this.#seen = []; }
}

/** The server's own words where it sent a problem document. */
export function problemOf(error: Error | tus.DetailedError): string | undefined {
  const body = "originalResponse" in error ? error.originalResponse?.getBody() : undefined;
  try {
    return (JSON.parse(body ?? "") as { detail: string }).detail;
  } catch {
    return undefined;
  }
}

async function sha256(file: File): Promise<string | null> {
  if (file.size > HASHED_BYTES || !globalThis.crypto?.subtle) return null;
  try {
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
  } catch {
    return null; // no room for it in memory
  }
}

export interface Watcher {
  progress(sent: number, total: number): void;
  broken(): void;
  failed(words: string | undefined): void;
  done(known: boolean): void;
}

/** Prepares a tus upload that goes on where an earlier one of the same file stopped. */
export async function prepare(file: File, kind: Kind, watcher: Watcher, at?: string): Promise<tus.Upload> {
  const metadata: Record<string, string> = { filename: file.name, kind };
  const digest = kind === "video" && !at ? await sha256(file) : null;
  if (digest) metadata.sha256 = digest;
  let sentAny = false;
  const upload = new tus.Upload(file, {
    endpoint: "/api/v1/uploads",
    uploadUrl: at ?? null,
    metadata,
    headers: { "X-CSRFToken": csrfToken() },
    chunkSize: 1024 * 1024 * 1024, // what came is safe every few seconds: a piece may be large
    retryDelays: [0, 1000, 3000, 5000, 10000, 20000, ...Array<number>(20).fill(30_000)],
    removeFingerprintOnSuccess: true,
    onProgress: (sent, total) => { sentAny = true; watcher.progress(sent, total); },
    onShouldRetry: (error) => {
      const status = error.originalResponse?.getStatus() ?? 0;
      // A full disk (507) does not empty by asking again.
      const again = status === 0 || (status >= 500 && status !== 507) || status === 409 || status === 423;
      if (again && status !== 409) watcher.broken();
      return again;
    },
    onError: (error) => watcher.failed(problemOf(error)),
    onSuccess: () => watcher.done(!sentAny),
  });
  if (!at) {
    const earlier = await upload.findPreviousUploads();
    if (earlier[0]) upload.resumeFromPreviousUpload(earlier[0]);
  }
  return upload;
}

/** A picture goes in one request. */
export async function sendPicture(file: File, signal: AbortSignal): Promise<string | null> {
  const form = new FormData();
  form.append("file", file);
  const response = await fetch("/api/v1/pictures", { method: "POST", body: form, headers: { "X-CSRFToken": csrfToken() }, signal });
  if (response.ok) return null;
  const problem = (await response.json().catch(() => null)) as { detail?: string } | null;
  return problem?.detail ?? response.statusText;
}

// One file on its way, by tus (videos, files) or in one request (pictures): what several pages share.
//
// Texts come from the page (templates/studio/_sending.html): <… data-word-left data-word-per-second …>
import * as tus from "tus-js-client";
import { csrfToken } from "./csrf";

export type Kind = "video" | "picture" | "file";

const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|ts|m2ts|mts|flv|wmv|mpe?g|3gp)$/i;
const PICTURE = /\.(png|jpe?g|webp|gif)$/i;

export function kindOf(file: File): Kind {
  if (file.type.startsWith("video/") || VIDEO.test(file.name)) return "video";
  return PICTURE.test(file.name) ? "picture" : "file";
}

export function bytes(n: number): string {
  return n >= 1e9 ? `${(n / 1e9).toFixed(2)} GB` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} MB` : `${Math.ceil(n / 1e3)} kB`;
}

function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

/** Speed over the last seconds, not since the beginning: a pause or a better line shows at once. */
class Pace {
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
function problemOf(error: Error | tus.DetailedError): string | undefined {
  const body = "originalResponse" in error ? error.originalResponse?.getBody() : undefined;
  try {
    return (JSON.parse(body ?? "") as { detail: string }).detail;
  } catch {
    return undefined;
  }
}

/** What becomes of a file, for whoever shows it. Nothing is told while it is paused. */
export interface Watcher {
  /** How far it is, in words and percent. */
  progress(text: string, percent: number): void;
  broken(): void;
  failed(words: string | undefined): void;
  /** known: it was here already and was not sent. asset: the video that it is. */
  done(known: boolean, asset: string): void;
}

/** A file goes by tus, on from where an earlier upload of it stopped; what is here already does not. */
export class Transfer {
  readonly #pace = new Pace();
  readonly #gone = new AbortController();
  #prepared: Promise<tus.Upload> | null = null;
  #upload: tus.Upload | null = null;
  #going = 0; // which call of go() counts; 0: none
  #calls = 0;
  #asset = "";

  constructor(readonly file: File, readonly kind: Kind, readonly words: DOMStringMap, readonly watcher: Watcher, readonly at?: string) {}

  /** Start, or go on after a pause. */
  async go(): Promise<void> {
    const going = (this.#going = ++this.#calls);
    this.#pace.forget();
    this.#upload = await (this.#prepared ??= this.#prepare());
    if (this.#going === going) this.#upload.start();
  }

  pause(): void {
    this.#going = 0;
    void this.#upload?.abort();
  }

  /** Give it up: the server forgets it, or it expires. */
  async cancel(): Promise<void> {
    this.#going = 0;
    this.#gone.abort();
    await this.#upload?.abort(true).catch(() => undefined);
  }

  async #prepare(): Promise<tus.Upload> {
    const metadata: Record<string, string> = { filename: this.file.name, kind: this.kind };
    const upload: tus.Upload = new tus.Upload(this.file, {
      endpoint: "/api/v1/uploads",
      uploadUrl: this.at ?? null,
      metadata,
      headers: { "X-CSRFToken": csrfToken() },
      chunkSize: 1024 * 1024 * 1024, // what came is safe every few seconds: a piece may be large
      retryDelays: [0, 1000, 3000, 5000, 10000, 20000, ...Array<number>(20).fill(30_000)],
      removeFingerprintOnSuccess: true,
      onProgress: (sent, total) => this.#progress(sent, total),
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        // A full disk (507) does not empty by asking again.
        const again = status === 0 || (status >= 500 && status !== 507) || status === 409 || status === 423;
        if (again && status !== 409) this.watcher.broken();
        return again;
      },
      onAfterResponse: (request, response) => {
        const asset = response.getHeader("Zhixin-Asset");
        if (asset) this.#asset = asset;
        if (!asset || request.getMethod() !== "POST") return;
        // Whole at once: it is here already. The client would send its bytes all the same.
        upload.options.storeFingerprintForResuming = false;
        void upload.abort();
        this.watcher.done(true, asset);
      },
      onError: (error) => this.watcher.failed(problemOf(error)),
      onSuccess: () => this.watcher.done(false, this.#asset),
    });
    if (this.at) return upload;
    const earlier = await upload.findPreviousUploads();
    if (earlier[0]) upload.resumeFromPreviousUpload(earlier[0]);
    else if (this.kind === "video") {
      const digest = await this.#digest().catch(() => null); // not to be asked, or not to be read
      if (digest) metadata.sha256 = digest;
    }
    return upload;
  }

  /** The file's hash, if a video of this size is here. So a new one costs no work: it is sent at once. */
  async #digest(): Promise<string | null> {
    const { size } = this.file;
    const response = await fetch(`/api/v1/assets/same-size?size=${size}`, { signal: this.#gone.signal });
    if (!response.ok || !((await response.json()) as { any: boolean }).any) return null;
    const { hashOf } = await import("./hashing");
    return hashOf(this.file, this.#gone.signal, (done) => {
      const percent = Math.floor((done / size) * 100);
      if (this.#going) this.watcher.progress(`${this.words.wordComparing}${percent}%`, 0);
    });
  }

  #progress(sent: number, total: number): void {
    const speed = this.#pace.at(sent);
    const pace = speed > 0 ? `，${this.words.wordPerSecond} ${bytes(speed)}，${this.words.wordLeft} ${clock((total - sent) / speed)}` : "";
    this.watcher.progress(`${bytes(sent)} / ${bytes(total)}${pace}`, Math.floor((sent / total) * 100));
  }
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

// Resumable upload of a unit's video (tus 1.0).
//
//   <form data-upload data-endpoint="/api/v1/uploads" data-word-…="texts in the page's language">
//     <input name="asset_id" type="hidden">   filled in when the upload is whole; then submitted
//     <div data-drop><input type="file"></div>
//     <div data-upload-status hidden> [data-upload-text] [data-percent] <progress> [data-pause]
//     <div data-upload-error hidden><div></div></div>
//   </form>
import * as tus from "tus-js-client";
import { csrfToken } from "./lib/csrf";

function bytes(n: number): string {
  return n > 1e9 ? `${(n / 1e9).toFixed(2)} GB` : n > 1e6 ? `${(n / 1e6).toFixed(1)} MB` : `${Math.ceil(n / 1e3)} kB`;
}

function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

class Uploader {
  readonly #status: HTMLElement;
  readonly #words: DOMStringMap;
  #upload: tus.Upload | null = null;
  #started = 0;
  #from = -1;

  constructor(readonly form: HTMLFormElement) {
    this.#status = form.querySelector("[data-upload-status]")!;
    this.#words = form.dataset;
    const input = form.querySelector<HTMLInputElement>("input[type=file]")!;
    const chosen = () => input.files?.[0] && void this.start(input.files[0]);
    input.addEventListener("change", chosen);
    chosen(); // on a slow network somebody chooses before this script has come
    const drop = form.querySelector<HTMLElement>("[data-drop]")!;
    for (const name of ["dragenter", "dragover"])
      drop.addEventListener(name, (event) => { event.preventDefault(); drop.dataset.over = ""; });
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => delete drop.dataset.over);
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.start(file);
    });
    const pause = form.querySelector<HTMLButtonElement>("[data-pause]")!;
    pause.addEventListener("click", () => {
      const pausing = pause.textContent === this.#words.wordPause;
      pause.textContent = (pausing ? this.#words.wordResume : this.#words.wordPause) ?? "";
      if (pausing) void this.#upload?.abort();
      else this.#upload?.start();
    });
  }

  async start(file: File): Promise<void> {
    await this.#upload?.abort(); // another file was chosen meanwhile; this one can go on later
    this.#error("");
    this.form.querySelector("[data-pause]")!.textContent = this.#words.wordPause ?? "";
    this.#status.hidden = false;
    this.#from = -1;
    let asset = "";
    const upload = new tus.Upload(file, {
      endpoint: this.#words.endpoint,
      metadata: { filename: file.name },
      headers: { "X-CSRFToken": csrfToken() },
      chunkSize: 1024 * 1024 * 1024, // what came is safe every few seconds: a piece may be large
      retryDelays: [0, 1000, 3000, 5000, 10000, 20000, ...Array<number>(20).fill(30_000)],
      removeFingerprintOnSuccess: true,
      onProgress: (sent, total) => this.#progress(sent, total),
      onShouldRetry: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        // A full disk (507) does not empty by asking again.
        const again = status === 0 || (status >= 500 && status !== 507) || status === 409 || status === 423;
        if (again) this.#text(this.#words.wordBroken ?? "");
        return again;
      },
      onAfterResponse: (_request, response) => { asset = response.getHeader("Zhixin-Asset") ?? asset; },
      onError: (error) => this.#error(detail(error) ?? this.#words.wordGaveUp ?? error.message),
      onSuccess: () => {
        this.#text(this.#words.wordDone ?? "");
        this.form.querySelector<HTMLInputElement>("[name=asset_id]")!.value = asset;
        this.form.submit();
      },
    });
    this.#upload = upload;
    const earlier = await upload.findPreviousUploads();
    if (earlier[0]) upload.resumeFromPreviousUpload(earlier[0]);
    upload.start();
  }

  #progress(sent: number, total: number): void {
    if (this.#from < 0) { this.#from = sent; this.#started = Date.now(); }
    const seconds = (Date.now() - this.#started) / 1000;
    const speed = seconds > 0.5 ? (sent - this.#from) / seconds : 0;
    const left = speed > 0 ? `，${this.#words.wordLeft} ${clock((total - sent) / speed)}` : "";
    this.#text(`${bytes(sent)} / ${bytes(total)}${speed > 0 ? `，${this.#words.wordSpeed} ${bytes(speed)}` : ""}${left}`);
    const percent = Math.floor((sent / total) * 100);
    this.#status.querySelector("progress")!.value = percent;
    this.#status.querySelector("[data-percent]")!.textContent = `${percent}%`;
  }

  #text(text: string): void {
    this.#status.querySelector("[data-upload-text]")!.textContent = text;
  }

  #error(text: string): void {
    const box = this.form.querySelector<HTMLElement>("[data-upload-error]")!;
    box.hidden = !text;
    box.querySelector("div")!.textContent = text;
  }
}

/** The server's own words where it sent a problem document. */
function detail(error: Error | tus.DetailedError): string | undefined {
  const body = "originalResponse" in error ? error.originalResponse?.getBody() : undefined;
  try {
    return (JSON.parse(body ?? "") as { detail: string }).detail;
  } catch {
    return undefined;
  }
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-upload]")) new Uploader(form);

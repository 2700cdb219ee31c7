// Upload of a unit's video: what is here already is recognised, the rest goes on where it stopped.
//
//   <form data-upload data-word-…="texts in the page's language">
//     <input name="asset_id" type="hidden">   filled in when the upload is whole; then submitted
//     <div data-drop><input type="file"></div>
//     <div data-upload-status hidden> [data-upload-text] [data-percent] <progress> [data-pause]
//     <div data-upload-error hidden><div></div></div>
//   </form>
import { Transfer } from "./lib/sending";

class Uploader {
  readonly #status: HTMLElement;
  readonly #pause: HTMLButtonElement;
  readonly #words: DOMStringMap;
  #transfer: Transfer | null = null;
  #paused = false;

  constructor(readonly form: HTMLFormElement) {
    this.#status = form.querySelector("[data-upload-status]")!;
    this.#pause = form.querySelector("[data-pause]")!;
    this.#words = form.dataset;
    const input = form.querySelector<HTMLInputElement>("input[type=file]")!;
    const chosen = () => input.files?.[0] && this.start(input.files[0]);
    input.addEventListener("change", chosen);
    chosen(); // on a slow network somebody chooses before this script has come
    const drop = form.querySelector<HTMLElement>("[data-drop]")!;
    for (const name of ["dragenter", "dragover"])
      drop.addEventListener(name, (event) => { event.preventDefault(); drop.dataset.over = ""; });
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => delete drop.dataset.over);
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) this.start(file);
    });
    this.#pause.addEventListener("click", () => {
      this.#pausing(!this.#paused);
      if (this.#paused) this.#transfer?.pause();
      else void this.#transfer?.go();
    });
  }

  start(file: File): void {
    this.#transfer?.pause(); // another file was chosen meanwhile; this one can go on later
    this.#error("");
    this.#pausing(false);
    this.#status.hidden = false;
    const transfer: Transfer = new Transfer(file, "video", this.#words, {
      progress: (text, percent) => {
        this.#text(text);
        this.#status.querySelector("progress")!.value = percent;
        this.#status.querySelector("[data-percent]")!.textContent = `${percent}%`;
      },
      broken: () => this.#text(this.#words.wordBroken),
      failed: (words) => this.#error(words ?? this.#words.wordGaveUp),
      done: (known, asset) => {
        if (this.#transfer !== transfer) return;
        this.#text(known ? this.#words.wordKnown : this.#words.wordDone);
        this.form.querySelector<HTMLInputElement>("[name=asset_id]")!.value = asset;
        this.form.submit();
      },
    });
    this.#transfer = transfer;
    void transfer.go();
  }

  #pausing(paused: boolean): void {
    this.#paused = paused;
    this.#pause.textContent = (paused ? this.#words.wordResume : this.#words.wordPause) ?? "";
  }

  #text(text = ""): void {
    this.#status.querySelector("[data-upload-text]")!.textContent = text;
  }

  #error(text = ""): void {
    const box = this.form.querySelector<HTMLElement>("[data-upload-error]")!;
    box.hidden = !text;
    box.querySelector("div")!.textContent = text;
  }
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-upload]")) new Uploader(form);

// My media: many files at once, each paused, resumed and given up by itself; three at a time.
//
//   <section data-media data-word-…> <input type=file multiple> <div data-drop> <ul data-sendings> [data-said]
//   <tr data-unfinished="/api/v1/uploads/…" data-name data-size> <input type=file data-again>
import { bytes, kindOf, sendPicture, Transfer, type Kind } from "./lib/sending";

const AT_ONCE = 3;

class Sending {
  readonly row = document.createElement("li");
  readonly #text = document.createElement("span");
  readonly #percent = document.createElement("span");
  readonly #bar = document.createElement("progress");
  readonly #pause = document.createElement("button");
  readonly #cancel = document.createElement("button");
  readonly #transfer: Transfer;
  readonly #abort = new AbortController();
  readonly #kind: Kind;
  state: "waiting" | "sending" | "paused" | "done" | "failed" | "gone" = "waiting";

  constructor(readonly file: File, readonly page: Page, at?: string) {
    this.#kind = kindOf(file);
    this.#transfer = new Transfer(file, this.#kind, page.section.dataset, this, at);
    const name = document.createElement("strong");
    name.className = "sending__name";
    name.textContent = file.name;
    const line = document.createElement("p");
    line.className = "progress-line";
    line.append(this.#text, this.#percent);
    this.#bar.className = "progress";
    this.#bar.max = 100;
    this.#bar.value = 0;
    this.#bar.setAttribute("aria-label", file.name);
    const acts = document.createElement("div");
    acts.className = "row";
    for (const [button, word] of [[this.#pause, "wordPause"], [this.#cancel, "wordCancel"]] as const) {
      button.type = "button";
      button.className = "button button--small";
      button.textContent = page.word(word);
      button.setAttribute("aria-label", `${page.word(word)} ${file.name}`);
      acts.append(button);
    }
    this.#pause.addEventListener("click", () => this.toggle());
    this.#cancel.addEventListener("click", () => void this.cancel());
    this.row.className = "sending";
    this.row.append(name, line, this.#bar, acts);
    this.#say(page.word("wordWaiting"));
    this.#pause.hidden = this.#kind === "picture";
  }

  async start(): Promise<void> {
    this.state = "sending";
    this.#label();
    this.#say("");
    await (this.#kind === "picture" ? this.#picture() : this.#transfer.go());
  }

  toggle(): void {
    if (this.state === "sending" || this.state === "waiting") {
      this.state = "paused";
      this.#transfer.pause();
      this.#say(this.page.word("wordPaused"));
    } else {
      this.state = "waiting";
      this.#say(this.page.word("wordWaiting"));
    }
    this.#label();
    this.page.next();
  }

  async cancel(): Promise<void> {
    this.state = "gone";
    this.#abort.abort();
    this.row.remove();
    this.page.next();
    await this.#transfer.cancel();
  }

  progress(text: string, percent: number): void {
    this.#say(text);
    this.#show(percent);
  }

  broken(): void { this.#say(this.page.word("wordBroken")); }

  failed(words: string | undefined): void {
    this.state = "failed";
    this.#say(words ?? this.page.word("wordGaveUp"));
    this.row.classList.add("seal");
    this.#label();
    this.page.said(`${this.file.name}：${this.#text.textContent}`);
    this.page.next();
  }

  done(known: boolean): void {
    this.state = "done";
    this.#show(100);
    this.#say(this.page.word(known ? "wordKnown" : "wordDone"));
    this.#pause.remove();
    this.#cancel.remove();
    this.page.said(`${this.file.name}：${this.#text.textContent}`);
    this.page.next();
  }

  async #picture(): Promise<void> {
    const most = Number(this.page.section.dataset.pictureBytes);
    try {
      if (this.file.size > most) throw new Error(`> ${bytes(most)}`);
      const refused = await sendPicture(this.file, this.#abort.signal);
      if (refused === null) this.done(false);
      else this.failed(refused);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.failed(error instanceof TypeError ? undefined : String((error as Error).message));
    }
  }

  #label(): void {
    const word = this.state === "sending" || this.state === "waiting" ? "wordPause" : "wordResume";
    this.row.classList.toggle("seal", this.state === "failed");
    this.#pause.hidden = this.#kind === "picture" && this.state !== "failed";
    this.#pause.textContent = this.page.word(word);
    this.#pause.setAttribute("aria-label", `${this.page.word(word)} ${this.file.name}`);
  }

  #show(percent: number): void {
    this.#bar.value = percent;
    this.#percent.textContent = `${percent}%`;
  }

  #say(text: string): void { this.#text.textContent = text; }
}

class Page {
  readonly #list: HTMLElement;
  readonly #all: Sending[] = [];

  constructor(readonly section: HTMLElement) {
    this.#list = section.querySelector("[data-sendings]")!;
    const input = section.querySelector<HTMLInputElement>("input[type=file]")!;
    const chosen = () => {
      for (const file of input.files ?? []) this.add(file);
      input.value = ""; // the same file may be chosen again
    };
    input.addEventListener("change", chosen);
    chosen(); // on a slow network somebody chooses before this script has come
    const drop = section.querySelector<HTMLElement>("[data-drop]")!;
    for (const name of ["dragenter", "dragover"])
      drop.addEventListener(name, (event) => { event.preventDefault(); drop.dataset.over = ""; });
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => delete drop.dataset.over);
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      for (const file of event.dataTransfer?.files ?? []) this.add(file);
    });
    for (const row of document.querySelectorAll<HTMLElement>("[data-unfinished]")) this.#again(row);
    window.addEventListener("beforeunload", (event) => {
      if (this.#all.some((each) => each.state === "sending")) event.preventDefault();
    });
  }

  word(name: string): string { return this.section.dataset[name] ?? ""; }

  said(text: string): void { this.section.querySelector("[data-said]")!.textContent = text; }

  add(file: File, at?: string): void {
    const sending = new Sending(file, this, at);
    this.#all.push(sending);
    this.#list.append(sending.row);
    this.next();
  }

  next(): void {
    let busy = this.#all.filter((each) => each.state === "sending").length;
    for (const each of this.#all)
      if (each.state === "waiting" && busy < AT_ONCE) { busy += 1; void each.start(); }
    // All is there: the lists of the page know of it after a reload.
    if (this.#all.length && this.#all.every((each) => each.state === "done" || each.state === "gone") && this.#all.some((each) => each.state === "done"))
      setTimeout(() => { if (this.#all.every((each) => each.state === "done" || each.state === "gone")) location.reload(); }, 1200);
  }

  #again(row: HTMLElement): void {
    const input = row.querySelector<HTMLInputElement>("[data-again]")!;
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (!file) return;
      const same = file.name === row.dataset.name && String(file.size) === row.dataset.size;
      if (!same) this.said(this.word("wordOther"));
      this.add(file, same ? row.dataset.unfinished : undefined);
      if (same) row.hidden = true;
      this.section.scrollIntoView();
    });
  }
}

for (const section of document.querySelectorAll<HTMLElement>("[data-media]")) new Page(section);

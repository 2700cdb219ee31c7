// A quiz under way (templates/assessments/_attempt.html): keeps the answers on the server
// while the learner answers, and in this browser until the server has them.
//
//   [data-attempt=id]        around the questions, inside the page's form
//   data-autosave=url        PUT {answers: {question id: [option ids]}}, the whole sheet
//   [data-question=id]       a fieldset with inputs named q-<question id>
//   [data-answered], [data-answered-bar], [data-save-status]   what the learner sees
//   data-…-text              its words; {n} {total} {time} are filled in
//
// Only questions answered here and not yet confirmed are kept in the browser, so that what
// another device has saved meanwhile is not undone. Handing in is the form's own business.
import { Problem, ask } from "./lib/problem";

type Sheet = Record<string, string[]>;

const KEY = "zhixin.answers.";
const KEPT_MS = 14 * 24 * 3600 * 1000;
const PAUSE_MS = 700;
const LONGEST_WAIT_MS = 30_000;

const same = (a: string[] | undefined, b: string[] | undefined) => JSON.stringify(a) === JSON.stringify(b);

/** Answers that the server has not confirmed, kept in this browser where that is possible. */
class Unsent {
  answers: Sheet = {};
  readonly #key: string;

  constructor(attempt: string) {
    this.#key = KEY + attempt;
    try {
      this.answers = (JSON.parse(localStorage.getItem(this.#key) ?? "{}").answers as Sheet) ?? {};
    } catch {
      // Refused or garbled: this page's memory is all there is.
    }
  }

  get empty(): boolean {
    return Object.keys(this.answers).length === 0;
  }

  /** False if the browser keeps nothing. */
  keep(): boolean {
    try {
      if (this.empty) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify({ answers: this.answers, at: Date.now() }));
      return true;
    } catch {
      return false;
    }
  }

  /** The server has these: what was changed since stays. */
  confirm(sent: Sheet): void {
    for (const [question, chosen] of Object.entries(sent))
      if (same(this.answers[question], chosen)) delete this.answers[question];
    this.keep();
  }

  forget(): void {
    this.answers = {};
    this.keep();
  }
}

class Autosave {
  readonly #root: HTMLElement;
  readonly #unsent: Unsent;
  #timer: number | undefined;
  #sending = false;
  #failures = 0;
  #over = false;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#unsent = new Unsent(root.dataset.attempt ?? "");
    this.#restore();
    this.#count();
    root.addEventListener("change", (event) => this.#changed(event.target as HTMLInputElement));
    if (!root.dataset.autosave) return;
    root.closest("form")?.addEventListener("submit", (event) => {
      if (!event.defaultPrevented) this.#stop(); // the form carries the whole sheet
    });
    window.addEventListener("online", () => this.#schedule(0));
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("pageshow", (event) => event.persisted && this.#resume());
    if (!this.#unsent.empty) this.#schedule(0);
  }

  #questions(): HTMLElement[] {
    return [...this.#root.querySelectorAll<HTMLElement>("[data-question]")];
  }

  #inputs(question: HTMLElement): HTMLInputElement[] {
    return [...question.querySelectorAll<HTMLInputElement>("input[name^='q-']")];
  }

  #chosen(question: HTMLElement): string[] {
    return this.#inputs(question)
      .filter((input) => input.checked)
      .map((input) => input.value);
  }

  #sheet(): Sheet {
    const sheet: Sheet = {};
    for (const question of this.#questions()) {
      const chosen = this.#chosen(question);
      if (chosen.length) sheet[question.dataset.question!] = chosen;
    }
    return sheet;
  }

  #restore(): void {
    for (const question of this.#questions()) {
      const kept = this.#unsent.answers[question.dataset.question!];
      if (kept) for (const input of this.#inputs(question)) input.checked = kept.includes(input.value);
    }
  }

  #changed(input: HTMLInputElement): void {
    const question = input.closest<HTMLElement>("[data-question]");
    if (!question) return;
    this.#count();
    if (!this.#root.dataset.autosave || this.#over) return;
    this.#unsent.answers[question.dataset.question!] = this.#chosen(question);
    const kept = this.#unsent.keep();
    this.#say(kept ? "saving" : "full");
    this.#schedule(PAUSE_MS);
  }

  #count(): void {
    const n = Object.keys(this.#sheet()).length;
    const total = this.#root.dataset.total ?? "";
    const text = this.#root.querySelector("[data-answered]");
    const bar = this.#root.querySelector<HTMLProgressElement>("[data-answered-bar]");
    if (text) text.textContent = this.#words("answered").replace("{n}", String(n)).replace("{total}", total);
    if (bar) bar.value = n;
  }

  #schedule(after: number): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#send(), after);
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#over || this.#unsent.empty) return;
    this.#sending = true;
    const sent = { ...this.#unsent.answers };
    try {
      await ask("PUT", this.#root.dataset.autosave!, { answers: this.#sheet() });
      this.#failures = 0;
      this.#unsent.confirm(sent);
      if (this.#unsent.empty) this.#say("saved");
      else this.#schedule(PAUSE_MS);
    } catch (error) {
      this.#failed(error instanceof Problem ? error : new Problem(0, "unknown", ""));
    } finally {
      this.#sending = false;
    }
  }

  #failed(problem: Problem): void {
    if (this.#over) return;
    if (problem.code === "attempt-closed") this.#unsent.forget();
    if (!problem.passing) {
      this.#stop();
      this.#status(problem.message);
      return;
    }
    if (problem.status === 401) this.#status(problem.message);
    else this.#say("offline");
    this.#failures += 1;
    const after = Math.min(LONGEST_WAIT_MS, 2 ** this.#failures * 1000);
    this.#schedule(Math.max(after, Number(problem.facts.retry_after_s ?? 0) * 1000));
  }

  /** A last word while the page goes away; what it does not deliver is kept. */
  #leave(): void {
    if (this.#over || this.#unsent.empty) return;
    const sheet = { answers: this.#sheet() };
    ask("PUT", this.#root.dataset.autosave!, sheet, { keepalive: true }).catch(() => undefined);
  }

  #stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #resume(): void {
    this.#over = false;
    this.#schedule(0);
  }

  #words(name: string): string {
    return this.#root.dataset[`${name}Text`] ?? "";
  }

  #say(name: "saving" | "saved" | "offline" | "full"): void {
    const now = new Date();
    const time = [now.getHours(), now.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
    this.#status(this.#words(name).replace("{time}", time));
  }

  #status(text: string): void {
    const status = this.#root.querySelector("[data-save-status]");
    if (status) status.textContent = text;
  }
}

/** Answers of attempts long past. */
function tidy(): void {
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(KEY)) continue;
      const { at } = JSON.parse(localStorage.getItem(key) ?? "{}") as { at?: number };
      if (!at || at < Date.now() - KEPT_MS) localStorage.removeItem(key);
    }
  } catch {
    // Nothing to tidy where nothing may be kept.
  }
}

tidy();
for (const root of document.querySelectorAll<HTMLElement>("[data-attempt]")) new Autosave(root);

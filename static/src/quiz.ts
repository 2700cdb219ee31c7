// An attempt under way (templates/assessments/_attempt.html): every answer is numbered, kept in
// this browser and sent at once; what the server has not confirmed is sent again until it has.
//
//   [data-attempt=id]        around the questions, inside the page's form
//   data-autosave=url        PUT {writer, changes}; GET: what is saved, and the time left
//   data-submission=url      POST {writer, changes}: hand in
//   data-seq, data-remaining the highest number saved so far; ms left by the server's clock
//   [data-question=id]       a fieldset with controls named q-<question id>
//   [data-answered], [data-answered-bar], [data-save-status]   what the learner sees
//   data-…-text              its words; {n} {total} {time} are filled in
//
// The highest number of a question stands, here as on the server, so two tabs or devices never
// overwrite each other silently: tabs of one browser show each other's answers at once, another
// device's are shown when a save meets them.
import { Countdown } from "./lib/countdown";
import { Problem, ask } from "./lib/problem";
import { read, same, write } from "./lib/sheet";
import * as unsent from "./lib/unsent";
import type { Change } from "./lib/unsent";

interface Kept extends Change {
  writer: string;
}
interface Saved {
  saved_at: string;
  remaining_ms: number | null;
  overtaken: Kept[];
}
interface Sheet {
  remaining_ms: number | null;
  answers: Kept[];
}
type Word = { changes?: Change[]; confirmed?: Change[]; closed?: true };

const PAUSE_MS = 400;
const LONGEST_WAIT_MS = 20_000;
const ASK_AGAIN_MS = 60_000;

class Attempt {
  readonly #root: HTMLElement;
  readonly #id: string;
  readonly #writer = crypto.getRandomValues(new Uint32Array(2)).join("-");
  readonly #channel: BroadcastChannel | null;
  readonly #pending = new Map<string, Change>();
  readonly #known = new Map<string, string[]>();
  #countdown: Countdown | undefined;
  #seq: number;
  #timer: number | undefined;
  #sending = false;
  #failures = 0;
  #submitting = false;
  #over = false;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#id = root.dataset.attempt ?? "";
    this.#seq = Number(root.dataset.seq ?? 0);
    this.#channel = "BroadcastChannel" in window ? new BroadcastChannel(`zhixin.attempt.${this.#id}`) : null;
    for (const question of this.#questions()) this.#known.set(question.dataset.question!, read(question));
    this.#count();
    root.addEventListener("input", (event) => this.#changed(event.target as Element));
    root.addEventListener("change", (event) => this.#changed(event.target as Element));
    if (!root.dataset.autosave) return;
    root.closest("form")?.addEventListener("submit", (event) => {
      if (event.defaultPrevented || !root.dataset.submission) return;
      event.preventDefault();
      void this.#handIn();
    });
    this.#channel?.addEventListener("message", (event) => this.#heard(event.data as Word));
    window.addEventListener("online", () => this.#schedule(0));
    window.addEventListener("offline", () => this.#pending.size && this.#say("offline"));
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("pageshow", (event) => event.persisted && void this.#look());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void this.#look());
    if (root.dataset.remaining) {
      const navigation = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
      const since = navigation?.responseStart || performance.now();
      this.#countdown = new Countdown(root, Number(root.dataset.remaining), since, () => void this.#handIn());
      window.setInterval(() => void this.#look(), ASK_AGAIN_MS);
    }
    void this.#restore();
  }

  // --- the page -------------------------------------------------------------------------

  #questions(): HTMLElement[] {
    return [...this.#root.querySelectorAll<HTMLElement>("[data-question]")];
  }

  #count(): void {
    const n = this.#questions().filter((question) => read(question).length > 0).length;
    const text = this.#root.querySelector("[data-answered]");
    const bar = this.#root.querySelector<HTMLProgressElement>("[data-answered-bar]");
    const words = this.#words("answered").replace("{n}", String(n)).replace("{total}", this.#root.dataset.total ?? "");
    if (text) text.textContent = words;
    if (bar) bar.value = n;
  }

  #show(change: Change): boolean {
    this.#seq = Math.max(this.#seq, change.seq);
    const questions = this.#questions();
    const place = questions.findIndex((each) => each.dataset.question === change.question);
    if (place < 0 || same(this.#known.get(change.question), change.answer)) return false;
    this.#known.set(change.question, change.answer);
    write(questions[place]!, change.answer);
    this.#count();
    return true;
  }

  #changed(control: Element): void {
    const question = control.closest<HTMLElement>("[data-question]");
    if (!question) return;
    this.#count();
    const id = question.dataset.question!;
    const answer = read(question);
    if (this.#over || !this.#root.dataset.autosave || same(this.#known.get(id), answer)) return;
    const change = { question: id, answer, seq: ++this.#seq };
    this.#known.set(id, answer);
    this.#pending.set(id, change);
    this.#channel?.postMessage({ changes: [change] } satisfies Word);
    this.#say("saving");
    void unsent.keep(this.#id, [change]).then((kept) => {
      if (!kept && this.#pending.has(id)) this.#say("full");
      else if (!navigator.onLine && this.#pending.has(id)) this.#say("offline");
    });
    this.#schedule(PAUSE_MS);
  }

  /** What earlier pages of this browser could not deliver. */
  async #restore(): Promise<void> {
    const { changes, submit } = await unsent.waiting(this.#id);
    for (const change of changes) {
      if ((this.#pending.get(change.question)?.seq ?? 0) >= change.seq) continue;
      this.#pending.set(change.question, change);
      this.#show(change);
    }
    if (submit) void this.#handIn();
    else if (this.#pending.size) this.#schedule(0);
  }

  // --- other tabs -----------------------------------------------------------------------

  #heard(word: Word): void {
    if (word.closed) {
      this.#stop();
      location.reload();
    }
    for (const change of word.changes ?? []) {
      const mine = this.#pending.get(change.question);
      if (mine && mine.seq >= change.seq) continue; // mine is on its way: the server decides
      this.#pending.delete(change.question);
      this.#show(change);
    }
  }

  // --- saving ---------------------------------------------------------------------------

  #schedule(after: number): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void (this.#submitting ? this.#handIn() : this.#send()), after);
  }

  #body(): { writer: string; changes: Change[] } {
    return { writer: this.#writer, changes: [...this.#pending.values()] };
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#over || this.#submitting || !this.#pending.size) return;
    this.#sending = true;
    const body = this.#body();
    const since = performance.now();
    this.#say("saving");
    try {
      const saved = await ask<Saved>("PUT", this.#root.dataset.autosave!, body);
      this.#failures = 0;
      this.#confirm(body.changes);
      if (saved.remaining_ms !== null) this.#countdown?.set(saved.remaining_ms, since);
      const changed = saved.overtaken.filter((each) => !this.#pending.has(each.question) && this.#show(each));
      if (this.#pending.size) this.#schedule(PAUSE_MS);
      else this.#say(changed.length ? "elsewhere" : "saved", changed);
    } catch (error) {
      this.#failed(error instanceof Problem ? error : new Problem(0, "unknown", ""));
    } finally {
      this.#sending = false;
    }
  }

  #confirm(sent: Change[]): void {
    for (const each of sent)
      if (this.#pending.get(each.question)?.seq === each.seq) this.#pending.delete(each.question);
    void unsent.confirm(this.#id, sent);
  }

  #failed(problem: Problem): void {
    if (this.#over) return;
    if (!problem.passing) {
      const ended = problem.code === "attempt-closed" || problem.code === "time-over";
      this.#stop();
      this.#status(problem.message);
      if (!ended) return;
      void unsent.forget(this.#id);
      window.setTimeout(() => location.reload(), problem.code === "time-over" ? 12_000 : 3_000);
      return;
    }
    if (problem.status === 401) this.#status(problem.message);
    else this.#say(this.#submitting ? "queued" : "offline");
    this.#failures += 1;
    const after = Math.min(LONGEST_WAIT_MS, 2 ** this.#failures * 500);
    this.#schedule(Math.max(after, Number(problem.facts.retry_after_s ?? 0) * 1000));
  }

  /** What is saved, perhaps by another device, and how much time is left. */
  async #look(): Promise<void> {
    if (this.#over || this.#submitting) return;
    const since = performance.now();
    try {
      const sheet = await ask<Sheet>("GET", this.#root.dataset.autosave!);
      if (sheet.remaining_ms !== null) this.#countdown?.set(sheet.remaining_ms, since);
      const changed = sheet.answers.filter((each) => !this.#pending.has(each.question) && this.#show(each));
      if (changed.length) this.#say("elsewhere", changed);
    } catch (error) {
      if (error instanceof Problem && !error.passing) this.#failed(error);
    }
    await this.#restore(); // another tab may have closed with answers that it could not send
  }

  /** A last word while the page goes away; what it does not deliver is kept. */
  #leave(): void {
    if (this.#over || this.#submitting || !this.#pending.size) return;
    ask("PUT", this.#root.dataset.autosave!, this.#body(), { keepalive: true }).catch(() => undefined);
  }

  // --- handing in -----------------------------------------------------------------------

  /** Hand in, or wait for the network to. The server takes what comes in time. */
  async #handIn(): Promise<void> {
    if (this.#over) return;
    if (!this.#submitting) {
      this.#submitting = true;
      this.#lock();
      await unsent.queueSubmission(this.#id);
    }
    clearTimeout(this.#timer);
    this.#say("submitting");
    try {
      const closed = await ask<{ page: string }>("POST", this.#root.dataset.submission!, this.#body());
      this.#stop();
      await unsent.forget(this.#id);
      this.#channel?.postMessage({ closed: true } satisfies Word);
      location.assign(closed.page);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(0, "unknown", "");
      if (!problem.passing) void unsent.dropSubmission(this.#id);
      this.#failed(problem);
    }
  }

  #lock(): void {
    for (const question of this.#questions()) question.setAttribute("disabled", "");
    for (const button of this.#root.closest("form")?.querySelectorAll("button") ?? []) button.disabled = true;
  }

  #stop(): void {
    this.#over = true;
    this.#countdown?.stop();
    clearTimeout(this.#timer);
  }

  // --- words ----------------------------------------------------------------------------

  #words(name: string): string {
    return this.#root.dataset[`${name}Text`] ?? "";
  }

  #say(name: "saving" | "saved" | "offline" | "full" | "elsewhere" | "submitting" | "queued", of: Change[] = []): void {
    const now = new Date();
    const time = [now.getHours(), now.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
    const order = this.#questions().map((each) => each.dataset.question);
    const places = of.map((each) => order.indexOf(each.question) + 1).sort((a, b) => a - b);
    this.#status(this.#words(name).replace("{time}", time).replace("{n}", places.join("、")));
    const status = this.#root.querySelector<HTMLElement>("[data-save-status]");
    if (status) status.dataset.state = name;
  }

  #status(text: string): void {
    const status = this.#root.querySelector("[data-save-status]");
    if (status && status.textContent !== text) status.textContent = text;
  }
}

for (const root of document.querySelectorAll<HTMLElement>("[data-attempt]")) new Attempt(root);

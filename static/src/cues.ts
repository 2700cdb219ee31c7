/**
 * The caption editor: cues beside the video, saved while they are typed. Each change says what
 * its cue was read as, so two authors at work on different cues both keep theirs, and on the
 * same cue the second is asked. What the server has not confirmed is kept in this browser.
 */
import videojs from "video.js";
import { csrfToken } from "./lib/csrf";
import { play } from "./lib/playing";

interface Cue { key: string; start: number; end: number; text: string }
interface Problem { text: string; fault: boolean }
interface Told {
  revision: number;
  cues: Cue[];
  problems: Record<string, Problem[]>;
  summary: string;
  clashes?: { key: string; theirs: Cue | null }[];
  at?: string;
}
interface Change { key: string; base: Cue | null; to: Cue | null }

const SAVE_AFTER_MS = 800;
const RETRY_MS = 5000;

function shown(ms: number): string {
  const [h, m, s] = [Math.floor(ms / 3600000), Math.floor(ms / 60000) % 60, Math.floor(ms / 1000) % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return `${h ? `${h}:${two(m)}` : m}:${two(s)}.${String(ms % 1000).padStart(3, "0")}`;
}

function read(text: string): number | null {
  const found = /^\s*(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{1,3}))?\s*$/.exec(text.replace("：", ":"));
  if (!found) return null;
  const [, h = "0", m, s, f = "0"] = found;
  return ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000 + Number(f.padEnd(3, "0"));
}

const same = (a: Cue | null | undefined, b: Cue | null | undefined): boolean =>
  a && b ? a.start === b.start && a.end === b.end && a.text === b.text : !a && !b;

function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(4));
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}

class Editor {
  /** As the server has them, and as the page does. */
  readonly #saved = new Map<string, Cue>();
  readonly #mine = new Map<string, Cue>();
  readonly #clashes = new Map<string, Cue | null>();
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #list: HTMLOListElement;
  readonly #template: HTMLTemplateElement;
  readonly #words: Record<string, string>;
  readonly #locked: boolean;
  readonly #store: string;
  #problems: Record<string, Problem[]> = {};
  #timer = 0;
  #sending = false;
  #stopAt: number | null = null;

  constructor(readonly root: HTMLElement) {
    this.#list = this.#at("[data-list]") as HTMLOListElement;
    this.#template = this.#at("template[data-cue]") as HTMLTemplateElement;
    this.#words = JSON.parse(this.#at("script[data-words]").textContent ?? "{}") as Record<string, string>;
    this.#locked = root.dataset.locked !== undefined;
    this.#store = `zhixin-cues-${root.dataset.track}`;
    this.#take(JSON.parse(this.#at("script[data-told]").textContent ?? "{}") as Told);
    this.#restore();
    this.#draw();
    root.addEventListener("click", (event) => this.#clicked(event));
    this.#list.addEventListener("input", (event) => this.#typed(event.target as HTMLElement));
    this.#list.addEventListener("focusout", (event) => this.#left(event.target as HTMLElement));
    this.#list.addEventListener("keydown", (event) => this.#pressed(event));
    window.addEventListener("beforeunload", (event) => {
      if (this.#changes().length) event.preventDefault();
    });
    window.addEventListener("online", () => void this.#save());
    const player = this.#player;
    player?.on("timeupdate", () => {
      if (this.#stopAt !== null && (player.currentTime() ?? 0) * 1000 >= this.#stopAt) {
        this.#stopAt = null;
        player.pause();
      }
    });
  }

  get #player() {
    return videojs.getPlayer("cues-player");
  }

  get #now(): number {
    return Math.round((this.#player?.currentTime() ?? 0) * 1000);
  }

  #at(selector: string): HTMLElement {
    return this.root.querySelector(selector) as HTMLElement;
  }

  #ordered(): Cue[] {
    return [...this.#mine.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  }

  // ---- what is kept --------------------------------------------------------------------

  /** What the server has now. Cues that this page has changed stay as they are here. */
  #take(told: Told): void {
    const before = new Map(this.#saved);
    this.#saved.clear();
    for (const cue of told.cues) this.#saved.set(cue.key, cue);
    for (const key of new Set([...before.keys(), ...this.#saved.keys()])) {
      if (!same(this.#mine.get(key), before.get(key))) continue;
      const now = this.#saved.get(key);
      if (now) this.#mine.set(key, { ...now });
      else this.#mine.delete(key);
    }
    this.#problems = told.problems;
    this.#at("[data-summary]").textContent = told.summary;
  }

  #changes(): Change[] {
    const keys = new Set([...this.#saved.keys(), ...this.#mine.keys()]);
    return [...keys].flatMap((key) => {
      const [base, to] = [this.#saved.get(key) ?? null, this.#mine.get(key) ?? null];
      return same(base, to) || this.#clashes.has(key) ? [] : [{ key, base, to }];
    });
  }

  #keep(): void {
    try {
      const changes = [...this.#changes(), ...[...this.#clashes.keys()].map((key) => ({
        key, base: this.#saved.get(key) ?? null, to: this.#mine.get(key) ?? null,
      }))];
      if (changes.length) localStorage.setItem(this.#store, JSON.stringify(changes));
      else localStorage.removeItem(this.#store);
    } catch {
      // A private window keeps nothing: the page's memory is all there is.
    }
  }

  #restore(): void {
    if (this.#locked) return;
    try {
      const kept = JSON.parse(localStorage.getItem(this.#store) ?? "[]") as Change[];
      for (const { key, base, to } of kept) {
        const saved = this.#saved.get(key) ?? null;
        if (same(saved, to)) continue;
        if (to) this.#mine.set(key, to);
        else this.#mine.delete(key);
        if (!same(saved, base)) this.#clashes.set(key, saved);
      }
      if (kept.length) {
        this.#say("restored");
        this.#later(0);
      }
    } catch {
      // Nothing that could be read was kept.
    }
  }

  #say(word: string, values: Record<string, string> = {}): void {
    let text = this.#words[word] ?? "";
    for (const [name, value] of Object.entries(values)) text = text.replace(`{${name}}`, value);
    this.#at("[data-status]").textContent = text;
  }

  #later(ms = SAVE_AFTER_MS): void {
    this.#keep();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#save(), ms);
  }

  async #save(): Promise<void> {
    const changes = this.#changes();
    if (this.#locked || this.#sending || !changes.length) return;
    this.#sending = true;
    this.#say("saving");
    let again = false;
    try {
      const answer = await fetch(this.root.dataset.cues!, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
        body: JSON.stringify({ changes }),
      });
      const told = (await answer.json().catch(() => ({}))) as Told & { detail?: string };
      if (answer.ok) this.#answered(changes, told);
      else if (answer.status >= 500 || answer.status === 429) throw new Error();
      else this.#say("refused", { why: told.detail ?? String(answer.status) });
    } catch {
      this.#say("retry");
      again = true;
    }
    this.#sending = false;
    if (again) this.#later(RETRY_MS);
    else this.#keep();
  }

  #answered(sent: Change[], told: Told): void {
    // What was sent and is still so on the page may become what the server made of it.
    const clashed = new Map((told.clashes ?? []).map((each) => [each.key, each.theirs]));
    for (const { key, to } of sent) {
      if (clashed.has(key) || !same(this.#mine.get(key), to)) continue;
      const now = told.cues.find((cue) => cue.key === key);
      if (now) this.#mine.set(key, { ...now });
      else this.#mine.delete(key);
      if (now) this.#saved.set(key, now);
      else this.#saved.delete(key);
    }
    this.#take(told);
    for (const [key, theirs] of clashed) this.#clashes.set(key, theirs);
    if (this.#clashes.size) this.#say("clash");
    else this.#say("saved", { time: told.at ?? "" });
    this.#draw();
    if (this.#changes().length) this.#later();
  }

  // ---- what is shown -------------------------------------------------------------------

  #draw(): void {
    // A cue that somebody else removed and this page changed, or the other way round, is shown.
    const wanted = new Set([...this.#mine.keys(), ...this.#clashes.keys()]);
    for (const [key, item] of this.#items)
      if (!wanted.has(key)) {
        item.remove();
        this.#items.delete(key);
      }
    const cues = this.#ordered();
    for (const key of this.#clashes.keys())
      if (!this.#mine.has(key)) cues.push({ key, start: 0, end: 0, text: "", ...this.#clashes.get(key) });
    cues.forEach((cue, place) => {
      const item = this.#item(cue.key);
      this.#fill(item, cue);
      if (this.#list.children[place] !== item) this.#put(item, place);
    });
    this.#at("[data-empty]").hidden = cues.length > 0;
  }

  /** Moving the cue that is written in would take the cursor from it. */
  #put(item: HTMLLIElement, place: number): void {
    const at = item.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
    this.#list.insertBefore(item, this.#list.children[place] ?? null);
    at?.focus();
  }

  #item(key: string): HTMLLIElement {
    const found = this.#items.get(key);
    if (found) return found;
    const item = (this.#template.content.firstElementChild as HTMLLIElement).cloneNode(true) as HTMLLIElement;
    item.dataset.key = key;
    if (this.#locked)
      for (const each of item.querySelectorAll<HTMLInputElement>("input, textarea")) each.readOnly = true;
    this.#items.set(key, item);
    return item;
  }

  #fill(item: HTMLLIElement, cue: Cue): void {
    const put = (selector: string, value: string) => {
      const input = item.querySelector(selector) as HTMLInputElement;
      if (input !== document.activeElement && input.value !== value) input.value = value;
    };
    put("[data-start]", shown(cue.start));
    put("[data-end]", shown(cue.end));
    put("[data-text]", cue.text);
    const problems = this.#problems[cue.key] ?? [];
    const told = item.querySelector("[data-problems]") as HTMLElement;
    told.textContent = problems.map((each) => each.text).join("；");
    told.classList.toggle("is-fault", problems.some((each) => each.fault));
    const clash = item.querySelector<HTMLElement>("[data-clash]");
    if (!clash) return;
    clash.hidden = !this.#clashes.has(cue.key);
    const theirs = this.#clashes.get(cue.key);
    (clash.querySelector("[data-theirs]") as HTMLElement).textContent = theirs
      ? `${shown(theirs.start)} → ${shown(theirs.end)}　${theirs.text}`
      : (this.#words.gone ?? "");
  }

  // ---- what the author does ------------------------------------------------------------

  #typed(input: HTMLElement): void {
    const cue = this.#mine.get(input.closest("li")?.dataset.key ?? "");
    if (!cue || this.#locked) return;
    const value = (input as HTMLInputElement).value;
    if (input.matches("[data-text]")) cue.text = value;
    else {
      const ms = read(value);
      input.toggleAttribute("aria-invalid", ms === null);
      if (ms === null) return this.#say("time");
      if (input.matches("[data-start]")) cue.start = ms;
      else cue.end = ms;
    }
    this.#later();
  }

  #left(input: HTMLElement): void {
    input.removeAttribute("aria-invalid");
    setTimeout(() => this.#draw());
  }

  #clicked(event: Event): void {
    const button = (event.target as Element).closest("button");
    if (!button) return;
    if (button.dataset.add !== undefined) this.#add(this.#now);
    const key = button.closest("li")?.dataset.key;
    if (key && button.dataset.act) this.#act(button.dataset.act, key);
  }

  #pressed(event: KeyboardEvent): void {
    const key = (event.target as HTMLElement).closest("li")?.dataset.key;
    if (!key || !event.altKey || event.ctrlKey || event.metaKey) return;
    const acts: Record<string, string> = {
      BracketLeft: "start", BracketRight: "end", KeyP: "play", KeyS: "split", KeyJ: "join", KeyN: "after",
      Delete: "delete",
    };
    const act = acts[event.code];
    if (!act) return;
    event.preventDefault();
    this.#act(act, key);
  }

  #add(start: number): void {
    const next = this.#ordered().find((cue) => cue.start > start);
    const end = Math.max(start + 500, Math.min(start + 3000, next?.start ?? Infinity));
    const cue = { key: freshKey(), start, end, text: "" };
    this.#mine.set(cue.key, cue);
    this.#changed(cue.key);
  }

  #changed(focus?: string): void {
    this.#draw();
    if (focus) (this.#items.get(focus)?.querySelector("[data-text]") as HTMLElement | null)?.focus();
    this.#later();
  }

  #act(act: string, key: string): void {
    if (act === "theirs" || act === "mine") return this.#settle(key, act);
    const cue = this.#mine.get(key);
    if (!cue) return;
    if (act === "play") return this.#play(cue);
    if (this.#locked) return;
    const after = this.#ordered()[this.#ordered().indexOf(cue) + 1];
    if (act === "start") cue.start = this.#now;
    else if (act === "end") cue.end = this.#now;
    else if (act === "after") return this.#add(cue.end);
    else if (act === "split") return this.#split(cue);
    else if (act === "join" && after) {
      cue.text = `${cue.text}\n${after.text}`.trim();
      cue.end = Math.max(cue.end, after.end);
      this.#mine.delete(after.key);
      this.#refill(cue);
    } else if (act === "delete") {
      this.#mine.delete(key);
      return this.#changed(after?.key);
    }
    this.#changed();
  }

  #play(cue: Cue): void {
    const player = this.#player;
    if (!player) return;
    this.#stopAt = cue.end;
    player.currentTime(cue.start / 1000);
    play(player);
  }

  /** At the cursor, or in the middle; the time by the share of the text. */
  #split(cue: Cue): void {
    const area = this.#items.get(cue.key)?.querySelector("textarea");
    const cursor = area && area.selectionStart > 0 && area.selectionStart < cue.text.length;
    const at = cursor ? area.selectionStart : Math.ceil(cue.text.length / 2);
    const middle = cue.start + Math.round(((cue.end - cue.start) * at) / Math.max(1, cue.text.length));
    const rest = { key: freshKey(), start: middle, end: cue.end, text: cue.text.slice(at).trim() };
    cue.text = cue.text.slice(0, at).trim();
    cue.end = middle;
    this.#mine.set(rest.key, rest);
    this.#refill(cue);
    this.#changed(rest.key);
  }

  /** Also what is being written in. */
  #refill(cue: Cue): void {
    const area = this.#items.get(cue.key)?.querySelector("textarea");
    if (area) area.value = cue.text;
  }

  #settle(key: string, whose: "theirs" | "mine"): void {
    const theirs = this.#clashes.get(key) ?? null;
    this.#clashes.delete(key);
    // From now on the change is one of what they made.
    if (theirs) this.#saved.set(key, theirs);
    else this.#saved.delete(key);
    if (whose === "theirs") {
      if (theirs) this.#mine.set(key, { ...theirs });
      else this.#mine.delete(key);
    }
    this.#changed();
  }
}

for (const root of document.querySelectorAll<HTMLElement>("[data-cues]")) new Editor(root);

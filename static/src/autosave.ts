// Title and text of a unit, saved while they are typed. What the network does not take stays in
// this browser and is sent when it is back; what somebody else changed is shown, never lost.
import { csrfToken } from "./lib/csrf";

const form = document.querySelector<HTMLFormElement>("form[data-autosave]")!;
const status = form.querySelector<HTMLElement>("[data-autosave-status]")!;
const clash = form.querySelector<HTMLElement>("[data-autosave-clash]")!;
const words = form.dataset;
const kept = `unit-text:${words.autosave}`;
const fields = ["title", "body"].flatMap((name) => {
  const element = form.elements.namedItem(name);
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? [element] : [];
});
const base: Record<string, string> = JSON.parse(words.marks!);
const saved: Record<string, string> = Object.fromEntries(fields.map((field) => [field.name, field.value]));
let timer = 0;
let sending = false;
let clashing = false;

const dirty = () => fields.filter((field) => field.value !== saved[field.name]);

function keep(): void {
  try {
    if (!dirty().length) localStorage.removeItem(kept);
    else localStorage.setItem(kept, JSON.stringify({ base, text: Object.fromEntries(dirty().map((field) => [field.name, field.value])) }));
  } catch { /* storage is off or full: the form still holds it */ }
}

function later(ms: number): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => void save(), ms);
}

function say(text: string, state: string): void {
  status.textContent = text;
  status.dataset.state = state;
}

async function save(): Promise<void> {
  const changed = dirty();
  if (!changed.length || sending || clashing) return;
  sending = true;
  say(words.wordSaving!, "saving");
  const sent = Object.fromEntries(changed.map((field) => [field.name, field.value]));
  const body = new URLSearchParams();
  for (const [name, text] of Object.entries(sent)) {
    body.set(name, text);
    body.set(`${name}_base`, base[name] ?? "");
  }
  try {
    const answer = await fetch(words.autosave!, {
      method: "POST", headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" }, body, signal: AbortSignal.timeout(15000),
    });
    const isJson = answer.headers.get("content-type")?.includes("json");
    const told = isJson ? await answer.json() : {};
    if (answer.ok && isJson) {
      Object.assign(saved, sent);
      Object.assign(base, told.marks);
      say(words.wordSaved!.replace("{time}", told.at), "saved");
      keep();
      if (dirty().length) later(800);
    } else if (answer.status === 409 && told.saved) {
      show(told.saved, told.marks);
    } else if (answer.status >= 500 || answer.status === 429) {
      throw new Error(String(answer.status));
    } else {
      say(told.detail || words.wordRefused!, "refused");
    }
  } catch {
    say(words.wordRetry!, "retry");
    later(5000);
  } finally {
    sending = false;
  }
}

/** Somebody else saved another text: both are shown, and one's own is sent again knowingly. */
function show(theirs: Record<string, string>, marks: Record<string, string>): void {
  clashing = true;
  say(words.wordClash!, "refused");
  clash.hidden = false;
  clash.querySelector("[data-theirs]")!.textContent = Object.values(theirs).join("\n\n");
  clash.querySelector<HTMLButtonElement>("[data-keep-mine]")!.onclick = () => {
    Object.assign(base, marks);
    clashing = false;
    clash.hidden = true;
    void save();
  };
  clash.querySelector<HTMLButtonElement>("[data-take-theirs]")!.onclick = () => {
    Object.assign(base, marks);
    for (const field of fields) {
      if (theirs[field.name] === undefined) continue;
      field.value = saved[field.name] = theirs[field.name]!;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    clashing = false;
    clash.hidden = true;
    keep();
  };
}

for (const field of fields)
  field.addEventListener("input", () => {
    keep();
    if (dirty().length) later(800);
  });
window.addEventListener("online", () => void save());
window.addEventListener("beforeunload", (event) => {
  if (dirty().length) event.preventDefault();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void save();
});

try {
  const before = JSON.parse(localStorage.getItem(kept) ?? "null");
  if (before) {
    Object.assign(base, before.base);
    for (const field of fields) if (before.text[field.name] !== undefined) field.value = before.text[field.name];
    for (const field of fields) field.dispatchEvent(new Event("input", { bubbles: true }));
    say(words.wordRestored!, "retry");
    later(200);
  }
} catch { /* nothing readable was kept */ }

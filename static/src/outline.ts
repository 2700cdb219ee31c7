// The outline editor: units and chapters are dragged, or moved by keys on their handle
// (↑ ↓ within the course, Alt for the chapter). The server decides; a refused move is put back.
// Without this script the buttons beside each unit do the same.
import Sortable from "sortablejs";
import { csrfToken } from "./lib/csrf";

const root = document.querySelector<HTMLElement>("[data-outline]")!;
const live = document.querySelector<HTMLElement>("[data-outline-live]")!;
const words = root.dataset;

const lists = () => [...root.querySelectorAll<HTMLElement>("[data-units]")];
const units = (list: Element) => [...list.querySelectorAll<HTMLElement>(":scope > [data-unit]")];
const chapters = () => [...root.querySelectorAll<HTMLElement>(":scope > [data-chapter]")];

function say(text: string): void {
  live.textContent = text;
}

async function send(url: string, body: Record<string, string>): Promise<boolean> {
  try {
    const answer = await fetch(url, {
      method: "POST", headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" }, body: new URLSearchParams(body),
    });
    if (answer.ok) return true;
    const told = answer.headers.get("content-type")?.includes("json") ? (await answer.json()).detail : "";
    say(told || words.wordFailed!);
  } catch {
    say(words.wordFailed!);
  }
  return false;
}

function title(item: HTMLElement): string {
  return item.dataset.title ?? "";
}

async function settle(item: HTMLElement, back: () => void): Promise<void> {
  const list = item.closest<HTMLElement>("[data-units]");
  const chapter = item.closest<HTMLElement>("[data-chapter]")!;
  const isUnit = item.hasAttribute("data-unit");
  const place = isUnit ? units(list!).indexOf(item) : chapters().indexOf(item);
  const body: Record<string, string> = { act: "place", place: String(place) };
  if (isUnit) body.chapter_id = chapter.dataset.chapter!;
  arrange();
  if (await send(item.dataset.url!, body)) {
    document.querySelector("[data-undo]")?.removeAttribute("hidden");
    document.querySelector("[data-redo]")?.setAttribute("hidden", "");
    say(words.wordMoved!.replace("{title}", title(item)).replace("{place}", String(place + 1))
      .replace("{chapter}", isUnit ? title(chapter) : ""));
  } else {
    back();
    arrange();
  }
}

/** What stands beside each: nothing goes up from the first place nor down from the last. */
function arrange(): void {
  for (const each of lists()) each.querySelector("[data-empty]")?.toggleAttribute("hidden", units(each).length > 0);
  for (const siblings of [chapters(), ...lists().map(units)])
    siblings.forEach((item, place) => {
      item.querySelector("[data-act=up]")?.toggleAttribute("hidden", place === 0);
      item.querySelector("[data-act=down]")?.toggleAttribute("hidden", place === siblings.length - 1);
    });
}

function putBack(item: HTMLElement): () => void {
  const parent = item.parentElement!;
  const next = item.nextSibling;
  return () => parent.insertBefore(item, next);
}

let back: () => void = () => undefined;
const common: Sortable.Options = {
  animation: 0, handle: "[data-handle]", forceFallback: true, fallbackTolerance: 4,
  onStart: (event) => { back = undo.get(event.item) ?? back; },
  onChoose: (event) => { undo.set(event.item, putBack(event.item)); },
  onEnd: (event) => {
    if (event.from === event.to && event.oldIndex === event.newIndex) return;
    void settle(event.item, undo.get(event.item)!);
  },
};
const undo = new WeakMap<HTMLElement, () => void>();

for (const list of lists()) Sortable.create(list, { ...common, group: "units", draggable: "[data-unit]" });
Sortable.create(root, { ...common, draggable: "[data-chapter]", handle: "[data-chapter-handle]" });

/** One step up or down: past a sibling, or over the chapter's border into the next one. */
function step(item: HTMLElement, way: -1 | 1): boolean {
  const siblings = item.hasAttribute("data-unit") ? units(item.parentElement!) : chapters();
  const at = siblings.indexOf(item);
  const beside = siblings[at + way];
  if (beside) {
    if (way < 0) beside.before(item);
    else beside.after(item);
    return true;
  }
  if (!item.hasAttribute("data-unit")) return false;
  const all = lists();
  const other = all[all.indexOf(item.parentElement!) + way];
  if (!other) return false;
  if (way < 0) other.append(item);
  else other.prepend(item);
  return true;
}

root.addEventListener("keydown", (event) => {
  const handle = (event.target as HTMLElement).closest<HTMLElement>("[data-handle], [data-chapter-handle]");
  if (!handle || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  event.preventDefault();
  const item = handle.closest<HTMLElement>(handle.hasAttribute("data-handle") ? "[data-unit]" : "[data-chapter]")!;
  const before = putBack(item);
  if (!step(item, event.key === "ArrowUp" ? -1 : 1)) {
    say(words.wordEdge!);
    return;
  }
  handle.focus();
  void settle(item, before);
});

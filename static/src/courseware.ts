// The page around courseware: takes its messages, keeps what it says, tells it nothing. All of it
// is a claim; the server believes none of it for hours.
import { csrfToken } from "./lib/csrf";

/** So many bytes a browser still sends of a page that is being left; of more it sends nothing. */
const LAST_BYTES = 60_000;
const frame = document.querySelector<HTMLIFrameElement>("[data-courseware]");
if (frame) attend(frame);

function attend(frame: HTMLIFrameElement): void {
  const { token, claims } = frame.dataset;
  const status = document.querySelector<HTMLElement>("[data-courseware-status]");
  let waiting: Record<string, string> = {};
  let sitting: Record<string, string> = {};
  let timer = 0;
  let sending = false;

  window.addEventListener("message", (event: MessageEvent) => {
    const said = event.data as { zhixin?: string; kind?: string; values?: Record<string, unknown> } | null;
    // A frame without an origin says "null"; the mark tells our adapter's words from others'.
    if (event.origin !== "null" || !said || said.zhixin !== token || typeof said.values !== "object") return;
    for (const [name, value] of Object.entries(said.values ?? {}))
      if (/\.session_time$/.test(name)) sitting[name] = String(value);
      else waiting[name] = String(value);
    if (said.kind === "end") {
      // A sitting's length is said many times and counted once, at its end.
      Object.assign(waiting, sitting);
      sitting = {};
    }
    if (said.kind === "commit" || said.kind === "end") void send();
    else if (!timer) timer = window.setTimeout(() => void send(), 2000);
  });

  async function send(leaving = false): Promise<void> {
    window.clearTimeout(timer);
    timer = 0;
    if (!claims || (sending && !leaving) || Object.keys(waiting).length === 0) return;
    const values = waiting;
    waiting = {};
    sending = true;
    try {
      const body = JSON.stringify({ values });
      const answer = await fetch(claims, {
        method: "POST", body, keepalive: leaving && bytes(body) <= LAST_BYTES,
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      });
      if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
      if (!answer.ok) return say(status?.dataset.wordFailed);
      const told = (await answer.json()) as { done: boolean };
      say(told.done ? status?.dataset.wordDone : status?.dataset.wordSaved);
    } catch {
      waiting = { ...values, ...waiting }; // said once, kept once: the later word counts
      say(status?.dataset.wordFailed);
      if (!leaving) timer = window.setTimeout(() => void send(), 5000);
    } finally {
      sending = false;
      if (!timer && Object.keys(waiting).length > 0) timer = window.setTimeout(() => void send(), 1000);
    }
  }

  function say(text: string | undefined): void {
    if (status) status.textContent = text ?? "";
  }

  // Only now: courseware speaks as soon as it is read, and this page may be slower than it.
  frame.src = frame.dataset.address ?? "about:blank";

  window.addEventListener("pagehide", () => {
    const last = { ...waiting, ...sitting };
    sitting = {};
    // The small ones surely (where one was, what is done); the large ones if there is still time.
    let left = LAST_BYTES - 1000;
    const large: Record<string, string> = {};
    waiting = {};
    for (const [name, value] of Object.entries(last).sort((a, b) => a[1].length - b[1].length)) {
      left -= bytes(JSON.stringify([name, value]));
      (left >= 0 ? waiting : large)[name] = value;
    }
    void send(true);
    waiting = large;
    void send(true);
  });
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

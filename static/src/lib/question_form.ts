// The form of one question in the studio: what learners will see is shown beside it while the
// author writes, and pictures are sent up and written where the cursor was. Without this, the
// form's own button shows the preview.
import { answering } from "./answering";
import { areas } from "./areas";
import { csrfToken } from "./csrf";
import { formulas } from "./math";

const PAUSE_MS = 600;

export function questionForm(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-question-form]")) {
    preview(form);
    pictures(form);
    areas(form);
  }
}

function preview(form: HTMLFormElement): void {
  const box = document.querySelector<HTMLElement>("[data-question-preview]");
  if (!box) return;
  let timer: number | undefined;
  let asked = 0;
  const show = async (): Promise<void> => {
    const mine = ++asked;
    const sent = new FormData(form);
    sent.append("preview", "1");
    const body = new URLSearchParams();
    for (const [name, value] of sent) if (typeof value === "string") body.append(name, value);
    const response = await fetch(form.action, { method: "POST", body, headers: { "X-CSRFToken": csrfToken() } }).catch(() => undefined);
    if (!response?.ok || mine !== asked) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("[data-question-preview]");
    if (!fresh || mine !== asked) return;
    box.replaceChildren(...fresh.childNodes);
    formulas(box);
    answering(box);
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void show(), PAUSE_MS);
  });
}

function pictures(form: HTMLFormElement): void {
  const input = form.querySelector<HTMLInputElement>("input[type=file][data-pictures]");
  const status = form.querySelector<HTMLElement>("[data-pictures-status]");
  let last: HTMLTextAreaElement | HTMLInputElement | null = form.querySelector("textarea");
  form.addEventListener("focusin", (event) => {
    const field = event.target;
    if (field instanceof HTMLTextAreaElement || (field instanceof HTMLInputElement && field.type === "text")) last = field;
  });
  input?.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    const say = (text: string): void => void (status && (status.textContent = text));
    const body = new FormData();
    body.append("file", file);
    say(input.dataset.sendingText ?? "");
    try {
      const response = await fetch(input.dataset.pictures!, { method: "POST", body, headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" } });
      const answer = (await response.json()) as { id?: string; markdown?: string; detail?: string };
      if (!response.ok || !answer.id) throw new Error(answer.detail ?? "");
      const own = form.querySelector<HTMLInputElement>("input[name=picture]");
      if (own) own.value = answer.id;
      else last?.setRangeText(answer.markdown ?? "", last.selectionStart ?? 0, last.selectionEnd ?? 0, "end");
      (own ?? last)?.dispatchEvent(new Event("input", { bubbles: true }));
      say(input.dataset.sentText ?? "");
    } catch (error) {
      say((error as Error).message || (input.dataset.failedText ?? ""));
    }
    input.value = "";
  });
}

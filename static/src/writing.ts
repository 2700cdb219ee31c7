// The editor of rich text: a toolbar over a textarea, pictures, and a preview drawn by the server.
import { csrfToken } from "./lib/csrf";
import { formulas } from "./lib/math";
import { scrollable } from "./lib/scrollable";

for (const box of document.querySelectorAll<HTMLElement>("[data-writing]")) {
  const area = box.querySelector("textarea")!;
  const preview = box.querySelector<HTMLElement>("[data-writing-preview]")!;
  const file = box.querySelector<HTMLInputElement>("[data-writing-file]")!;
  const note = box.querySelector<HTMLElement>("[data-writing-note]")!;
  box.querySelector<HTMLElement>("[data-writing-bar]")!.hidden = false;
  let timer = 0;
  let turn = 0;

  const put = (text: string, from = area.selectionStart, to = area.selectionEnd) => {
    area.focus();
    area.setRangeText(text, from, to, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const around = (before: string, after: string, idle: string) => {
    const chosen = area.value.slice(area.selectionStart, area.selectionEnd) || idle;
    put(before + chosen + after);
  };
  const lines = (before: string) => {
    const start = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
    const chosen = area.value.slice(start, area.selectionEnd);
    put(chosen.split("\n").map((line) => before + line).join("\n"), start, area.selectionEnd);
  };
  const block = (text: string) => {
    const at = area.selectionEnd;
    put(`${at && area.value[at - 1] !== "\n" ? "\n\n" : ""}${text}\n`, at, at);
  };
  const words = box.dataset;
  const acts: Record<string, () => void> = {
    bold: () => around("**", "**", words.wordText!),
    heading: () => lines("## "),
    list: () => lines("- "),
    table: () => block(`| ${words.wordText} | ${words.wordText} |\n| --- | --- |\n|  |  |`),
    formula: () => around("$", "$", "x^2"),
    code: () => block("```\n\n```"),
    link: () => around("[", "](https://)", words.wordText!),
    picture: () => file.click(),
  };
  for (const button of box.querySelectorAll<HTMLButtonElement>("[data-write]"))
    button.addEventListener("click", () => acts[button.dataset.write!]!());

  file.addEventListener("change", async () => {
    for (const each of file.files ?? []) {
      note.textContent = words.wordSending!;
      const body = new FormData();
      body.set("file", each);
      try {
        const answer = await fetch(words.pictures!, { method: "POST", headers: { "X-CSRFToken": csrfToken() }, body });
        const told = await answer.json();
        note.textContent = answer.ok ? "" : told.detail || words.wordFailed!;
        if (answer.ok) put(told.markdown);
      } catch {
        note.textContent = words.wordFailed!;
      }
    }
    file.value = "";
  });

  const draw = async () => {
    const mine = ++turn;
    try {
      const answer = await fetch(words.render!, {
        method: "POST", headers: { "X-CSRFToken": csrfToken() }, body: new URLSearchParams({ text: area.value }),
      });
      if (!answer.ok || mine !== turn) return;
      preview.innerHTML = await answer.text();
      formulas(preview);
      scrollable(preview);
    } catch { /* away for now: the next key tries again */ }
  };
  area.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void draw(), 400);
  });
  formulas(preview);
}
